import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { readText } from "./read-text.ts";

/** Pieces that mean something to the reader, and some that mean nothing. */
const pieces = [
  ...'abAB_ :=\\"#.$;!+-<@*/\t0159\x00\xa0\xff',
  "\n",
  "\n",
  "\\\n",
  "begin ",
  "acl\n",
  "routers\n",
  "transports\n",
  "authenticators\n",
  "retry\n",
  "rewrite\n",
  "driver = ",
  "redirect",
  "smtp",
  "appendfile",
  "plaintext",
  "name:\n",
  "AA = ",
  "AA == ",
  "AA",
  ".ifdef ",
  ".ifndef ",
  ".elifdef ",
  ".else\n",
  ".endif\n",
  ".include /c\n",
  ".include_if_exists /x\n",
  "hide ",
  "no_",
  "domainlist x = ",
  "smtp_banner = ",
  "delay_warning = 1h:2h\n",
  "prdr_enable",
  "accept ",
  "deny ",
  "hosts = ",
  "set acl_m_x = ",
  "control = ",
  "verify = ",
  "* * F,1h,5m; G,2h,1h,2",
  "*@a b@c FSq",
  "condition = ",
  "more = ",
  "_HAVE_TLS",
];

describe("the reader and any text", () => {
  test("gives problems, throws nothing, and says the same when asked again", () => {
    const text = fc.array(fc.constantFrom(...pieces), { maxLength: 120 }).map((all) => all.join(""));
    fc.assert(
      fc.property(text, (source) => {
        const first = readText(source);
        for (const problem of first.all) assert.match(problem, /^\/(c|x)(:\d+)?: /);
        assert.deepEqual(readText(source).all, first.all);
      }),
      { numRuns: 300 },
    );
  });

  const long: Readonly<Record<string, (n: number) => string>> = {
    "many options that are not known": (n) => "smtp_bananer = x\n".repeat(n),
    "many macros in many lines": (n) =>
      Array.from(
        { length: n },
        (_, i) => `M${String(i).padStart(7, "0")}X = ${i}\ndomainlist d${i} = M${String(i).padStart(7, "0")}X`,
      ).join("\n"),
    "one line with many macros": (n) =>
      `${Array.from({ length: 200 }, (_, i) => `M${String(i).padStart(3, "0")}X = ${i}`).join("\n")}\nsmtp_banner = ${"M000XM001XM199X".repeat(n)}`,
    "a name that never ends": (n) => "A".repeat(n * 20),
    blanks: (n) => `smtp_banner = x${" ".repeat(n * 20)}y`,
    "a continued line": (n) => `smtp_banner = \\\n${"x \\\n".repeat(n)}`,
    "nested conditionals": (n) => ".ifdef A\n".repeat(n),
    "an ACL": (n) => `begin acl\nx:\n${" deny hosts = a : b\n  !domains = +c\n".repeat(n)}`,
    "quotes and backslashes": (n) => `smtp_banner = "${'\\"'.repeat(n * 5)}`,
    "an option that may be repeated": (n) => `begin routers\nx:\n driver = redirect\n${" headers_add = x\n".repeat(n)}`,
    "a retry rule": (n) => `begin retry\n* * ${"F,1h,5m;".repeat(n)}`,
    "a rewrite rule": (n) => `begin rewrite\n*@a b ${"F".repeat(n)}`,
    "log selectors": (n) => `log_selector = ${"+pid".repeat(n)}x`,
    digits: (n) => `smtp_accept_max = ${"9".repeat(n)}`,
    times: (n) => `auto_thaw = ${"1h".repeat(n)}x`,
  };
  for (const [name, make] of Object.entries(long)) {
    test(`time grows with length only: ${name}`, () => {
      const took = (n: number): number => {
        const source = make(n);
        const times = [1, 2, 3].map(() => {
          const from = process.cpuUsage();
          readText(source);
          return process.cpuUsage(from).user / 1_000;
        });
        // The machine may be busy with other things; the shortest is nearest to what it takes.
        return Math.min(...times);
      };
      took(500);
      const short = took(2_000);
      const double = took(8_000);
      // Four times the length: sixteen times the time would be the square. What is short is noise.
      assert.ok(double < 1_000 || double < short * 10, `${short.toFixed(1)} ms, then ${double.toFixed(1)} ms`);
    });
  }
});
