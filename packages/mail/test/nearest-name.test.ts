import assert from "node:assert/strict";
import { test } from "node:test";
import { nearestName } from "../src/nearest-name.ts";

const known = ["gateway", "verifier", "scanner", "router", "delivery", "logger", "status"];

const cases = [
  ["gatway", "gateway"],
  ["delivry", "delivery"],
  ["loger", "logger"],
  ["postgres", undefined],
  ["x", undefined],
] as const;

for (const [name, want] of cases) {
  test(`${name} → ${want ?? "no suggestion"}`, () => assert.equal(nearestName(name, known), want));
}
