import assert from "node:assert/strict";
import { test } from "node:test";
import { reportLine } from "../../src/commands/reload.ts";

const report = { service: "router", instance: "host-12", before: "aa", policyVersion: "bb", problems: [] };

const cases = [
  { name: "a new policy", change: {}, want: "policy bb is in force, before: aa" },
  { name: "the same policy once more", change: { policyVersion: "aa" }, want: "policy aa is in force already" },
  { name: "a wrong one", change: { policyVersion: "aa", problems: ["x:1: no"] }, want: "keeps policy aa" },
];

for (const { name, change, want } of cases) {
  test(`${name}: ${want}`, () => assert.equal(reportLine({ ...report, ...change }), `router host-12: ${want}`));
}
