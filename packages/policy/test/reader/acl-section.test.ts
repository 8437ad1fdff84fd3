import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseAclText } from "../../src/reader/acl-parser.ts";
import { formatProblem, ProblemList } from "../../src/reader/problem.ts";
import { readText } from "./read-text.ts";

describe("the ACL section", () => {
  test("statements, conditions and modifiers in their order, with their places", () => {
    const { configuration, all } = readText(
      'begin acl\n\ncheck: accept  hosts = a : b \\\n   : c\n # x\n   ! domains = +d\n   message = "x"\n   endpass\ndeny\nother:\n',
    );
    assert.deepEqual(all, []);
    const at = (line: number) => ({ place: { file: "/c", line } });
    assert.deepEqual(configuration.acls.get("check"), {
      name: "check",
      ...at(3),
      statements: [
        {
          verb: "accept",
          ...at(3),
          items: [
            { kind: "condition", name: "hosts", isNegated: false, value: "a : b : c", ...at(3) },
            { kind: "condition", name: "domains", isNegated: true, value: "+d", ...at(6) },
            { kind: "modifier", name: "message", value: '"x"', ...at(7) },
            { kind: "modifier", name: "endpass", value: "", ...at(8) },
          ],
        },
        { verb: "deny", ...at(9), items: [] },
      ],
    });
    assert.deepEqual(configuration.acls.get("other")?.statements, []);
  });

  test("a control that changes nothing here is taken with a notice", () => {
    const { of } = readText(
      "begin acl\na:\n  warn control = cutthrough_delivery/defer=pass\n  warn control = freeze\n  accept\n",
    );
    assert.deepEqual(of("error"), []);
    assert.deepEqual(of("notice"), [
      "/c:3: control = cutthrough_delivery has no effect: a message is stored before anybody else gets it",
    ]);
  });

  test("set names a variable; a $ in front of it is dropped with a notice", () => {
    const { configuration, of } = readText(
      "begin acl\nx:\n warn set acl_m_a=1\n set acl_c0 = a = b\n set $acl_m_q = 2\n set dkim_verify_status = x",
    );
    const items = configuration.acls.get("x")?.statements[0]?.items ?? [];
    assert.deepEqual(
      items.map((item) => (item.name === "set" ? [item.variable, item.value] : [])),
      [
        ["acl_m_a", "1"],
        ["acl_c0", "a = b"],
        ["acl_m_q", "2"],
        ["dkim_verify_status", "x"],
      ],
    );
    assert.deepEqual(of("notice"), ["/c:5: set $acl_m_q: the name of a variable is written without $ here"]);
    assert.deepEqual(of("error"), []);
  });

  test("old spellings of controls are taken for the new ones", () => {
    const { configuration } = readText("begin acl\nx:\n warn control = dmarc_verify_disable\n control = fakereject/no");
    assert.deepEqual(
      configuration.acls.get("x")?.statements[0]?.items.map(({ value }) => value),
      ["dmarc_disable_verify", "fakereject/no"],
    );
  });

  /** Lines below `x:`; the problem, or none. Verdicts as Exim's (4.98), but for those marked with *. */
  const lines: readonly (readonly [line: string, problem?: string])[] = [
    ["accept endpass = x"],
    ["discard endpass"],
    ["deny endpass", '"endpass" is not allowed with "deny"'],
    ["nix", 'unknown ACL verb "nix"'],
    ["accpt", 'unknown ACL verb "accpt" (did you mean accept?)'],
    ["hosts = 1", 'unknown ACL verb "hosts = 1"'],
    ["accept nix = 1", 'unknown ACL condition/modifier "nix = 1"'],
    ["accept denny hosts = 1", 'unknown ACL condition/modifier "denny hosts = 1" (did you mean deny?)'],
    ["accept host = 1", 'unknown ACL condition/modifier "host = 1" (did you mean hosts?)'],
    ["accept hosts", '"=" missing after ACL "hosts" condition'],
    ["accept message", '"=" missing after ACL "message" modifier'],
    ["accept message ="],
    ["accept !message = x", 'negation is not allowed with "message"'],
    ["accept !!hosts = 3", 'unknown ACL condition/modifier "!!hosts = 3"'],
    ["!accept", 'unknown ACL verb "!accept"'],
    ["ACCEPT", 'unknown ACL verb "ACCEPT" (did you mean accept?)'],
    ["accept HOSTS = 1", 'unknown ACL condition/modifier "HOSTS = 1" (did you mean hosts?)'],
    [
      "accept set acl_mfoo = 2",
      'invalid variable name "acl_mfoo" after "set" (digit or underscore must follow acl_c or acl_m)',
    ],
    ["accept set acl_x1 = 2", 'invalid variable name "acl_x1" after "set" (must start "acl_c" or "acl_m")'],
    ["accept set acl_m_a-b = 2", 'invalid character in the variable name "acl_m_a-b" after "set"'],
    ["accept set acl_m1 2", '"=" missing after ACL "set" modifier'],
    [
      "accept demime = *",
      "demime: gone from Exim: use the MIME ACL (acl_smtp_mime) with $mime_filename and $mime_content_type",
    ],
    ["accept control = $acl_m_x"],
    ["accept control = frieze", 'unknown control "frieze" (did you mean freeze?)'], // *: Exim defers when it runs
    ["accept verify = sender=a@b.test/callout"],
    ["accept verify = recipient /defer_ok"],
    ["accept verify = recepient", 'unknown verification "recepient" (did you mean recipient?)'], // *
    ["accept condition = (prose)"],
    ["accept dcc = */defer_ok"], // *: Debian's Exim is built without DCC
    ["accept bmi_optin = a"], // *
  ];
  for (const [line, problem] of lines) {
    test(`${line} ${problem === undefined ? "is taken" : "is refused"}`, () => {
      assert.deepEqual(
        readText(`begin acl\nx:\n ${line}\n`).of("error"),
        problem === undefined ? [] : [`/c:3: ${problem}`],
      );
    });
  }

  test("names of ACLs", () => {
    assert.deepEqual(readText("begin acl\naccept\nx:\nx :\ny z:\n").all, [
      "/c:2: missing or malformed ACL name",
      '/c:4: there are two ACLs called "x"',
      '/c:5: unknown ACL verb "y z:"',
    ]);
  });

  test("an ACL may be a text of its own", () => {
    const problems = new ProblemList();
    const statements = parseAclText(
      " warn message = a \\\n  # y\n  b\n# x\n\n  deny !hosts = *\n nix",
      { file: "/c", line: 7 },
      problems,
    );
    assert.deepEqual(
      statements.map(({ verb, items }) => [verb, items.length]),
      [
        ["warn", 1],
        ["deny", 1],
      ],
    );
    assert.equal(statements[0]?.items[0]?.value, "a b");
    assert.deepEqual(problems.all.map(formatProblem), ['/c:7: unknown ACL condition/modifier "nix"']);
  });
});
