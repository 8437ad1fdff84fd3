import assert from "node:assert/strict";
import { test } from "node:test";
import { readConfiguration } from "../../src/reader/read-configuration.ts";
import { ExpansionTester } from "../../src/tester/expansion-tester.ts";

const POLICY = `primary_hostname = mail.shop.example
LONGNAME = long
domainlist ours = shop.example : *.shop.example
begin acl
hello:
  accept message = hello $acl_arg1
double:
  accept set acl_m_n = \${eval:$acl_arg1*2}
         message = $acl_m_n
later:
  defer
`;

/** Expected: what `exim -be` (4.100.1) prints for the same lines. */
const lines = [
  ["NAME = inner", "Defined macro 'NAME'"],
  ["NAME / LONGNAME", "inner / long"],
  ["NAME == again NAME", "Defined macro 'NAME'"],
  ["NAME", "again inner"],
  [`set acl_m_x = 5\${eval:1+1}`, "variable m_x set"],
  ["[$acl_m_x]", "[52]"],
  ["set acl_c_y=z", "variable c_y set"],
  ["$acl_c_y", "z"],
  [`\${if match_domain{a.shop.example}{+ours}{y$1}{n}}`, "ya"],
  [`\${acl{hello}{world}} $primary_hostname`, "hello world mail.shop.example"],
  [`\${acl{double}{21}}/$acl_m_n`, "42/42"],
  [`\${acl{later}}`, 'Failed: DEFER from acl "later"'],
  [`\${acl{nosuch}}`, 'Failed: ERROR from acl "nosuch"'],
  [`a\${nosuch:b}`, 'Failed: unknown expansion operator "nosuch"'],
] as const;

test("lines of the tester: definitions, variables, results, failures", async () => {
  const { configuration } = readConfiguration({ file: "/p", readFile: () => Buffer.from(POLICY, "latin1") });
  const tester = new ExpansionTester(configuration, {
    version: "1",
    file: "/p",
    hostname: "h.example",
    localAddresses: [],
    environment: {},
  });
  try {
    for (const [line, wanted] of lines) assert.equal(await tester.line(line), wanted, line);
  } finally {
    await tester.stop();
  }
});
