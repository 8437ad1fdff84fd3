import assert from "node:assert/strict";
import { test } from "node:test";
import { processorWaitMs } from "../../src/smtp/processor-wait.ts";

test("the time without a processor only grows, and is a number in any case", () => {
  const before = processorWaitMs();
  assert.ok(Number.isFinite(before) && before >= 0);
  assert.ok(processorWaitMs() >= before);
});
