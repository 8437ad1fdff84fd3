import assert from "node:assert/strict";
import { test } from "node:test";
import { wildcard } from "../../src/sink/wildcard.ts";

const cases = [
  ["*@example.org", "anybody@example.org", true],
  ["*@example.org", "anybody@EXAMPLE.ORG", true],
  ["*@example.org", "anybody@sub.example.org", false],
  ["later@*", "later@example.net", true],
  ["a.b@example.org", "axb@example.org", false],
  ["*", "", true],
] as const;

for (const [pattern, address, want] of cases) {
  test(`${pattern} ${want ? "takes" : "does not take"} <${address}>`, () => {
    assert.equal(wildcard(pattern).test(address), want);
  });
}
