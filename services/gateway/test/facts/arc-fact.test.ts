import assert from "node:assert/strict";
import { test } from "node:test";
import type { ArcFact } from "@postbus/contracts";
import { arcFact } from "../../src/facts/arc-fact.ts";

const hops = [
  { domain: "a.example", selector: "one" },
  { domain: "", selector: "" },
  { domain: "c.example", selector: "sel" },
];

/** The texts are those of Exim 4.100. */
const rows: readonly [name: string, fact: ArcFact, text: string, variables: string][] = [
  ["no chain", { result: "none", instance: 0, oldestPass: 0, hops: [] }, "arc=none", "none|||0"],
  [
    "a chain that holds",
    { result: "pass", instance: 3, oldestPass: 2, hops },
    "arc=pass (i=3) header.s=sel arc.oldest-pass=2 smtp.remote-ip=192.0.2.1",
    "pass||a.example::c.example|2",
  ],
  [
    "a chain that is broken",
    { result: "fail", reason: "i=2 (sequence; expected 3)", instance: 0, oldestPass: 0, hops },
    "arc=fail (i=2 (sequence; expected 3))",
    "fail|i=2 (sequence; expected 3)|a.example::c.example|0",
  ],
  [
    "a chain whose newest signature is wrong",
    { result: "fail", reason: "AMS sig nonverify", instance: 3, oldestPass: 0, hops },
    "arc=fail (i=3)(AMS sig nonverify) header.s=sel arc.oldest-pass=0 smtp.remote-ip=192.0.2.1",
    "fail|AMS sig nonverify|a.example::c.example|0",
  ],
  [
    "a reason with line ends",
    { result: "fail", reason: "x\r\ny: z", instance: 0, oldestPass: 0, hops },
    "arc=fail (x??y: z)",
    "fail|x\r\ny: z|a.example::c.example|0",
  ],
  [
    "a selector that is none",
    { result: "fail", reason: "(cv)\r\n", instance: 1, oldestPass: 0, hops: [{ domain: "a", selector: "a; b=c" }] },
    "arc=fail (i=1)(\\(cv\\)??) arc.oldest-pass=0 smtp.remote-ip=192.0.2.1",
    "fail|(cv)\r\n|a|0",
  ],
];

for (const [name, fact, text, expected] of rows) {
  test(`for the policy: ${name}`, () => {
    const { result, authenticationResult, variables } = arcFact(fact, "192.0.2.1");
    assert.equal(result, fact.result);
    assert.equal(authenticationResult, text);
    const { arc_state, arc_state_reason, arc_domains, arc_oldest_pass } = variables;
    assert.equal([arc_state, arc_state_reason, arc_domains, arc_oldest_pass].join("|"), expected);
  });
}

test("an IPv6 address is quoted, since it is no word (RFC 8601 §2.2)", () => {
  const { authenticationResult } = arcFact(
    { result: "pass", instance: 1, oldestPass: 1, hops: hops.slice(0, 1) },
    "2001:db8::1",
  );
  assert.equal(authenticationResult, 'arc=pass (i=1) header.s=one arc.oldest-pass=1 smtp.remote-ip="2001:db8::1"');
});
