import assert from "node:assert/strict";
import { test } from "node:test";
import { readableLine } from "../src/logger.ts";

const time = new Date(2026, 10, 21, 3, 4, 5).getTime();
const line = (fields: object): string => readableLine(JSON.stringify({ level: 30, time, ...fields }));

test("a line for people: time, service, text, then the facts", () => {
  assert.equal(
    line({ service: "gateway", msg: "listening", address: "127.0.0.1:2525", count: 2 }),
    "03:04:05 gateway listening address=127.0.0.1:2525 count=2",
  );
});

test("what is not routine says so", () => {
  assert.equal(line({ level: 50, msg: "did not stop", part: "smtp" }), "03:04:05 error: did not stop part=smtp");
});

test("an error's stack stands below its line", () => {
  const err = { type: "Error", message: "boom", stack: "Error: boom\n    at x" };
  assert.equal(line({ level: 50, msg: "failed", err }), "03:04:05 error: failed\n  Error: boom\n      at x");
});
