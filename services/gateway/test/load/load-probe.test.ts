import assert from "node:assert/strict";
import { test } from "node:test";
import { startLoadProbe } from "../../src/load/load-probe.ts";

test("an event loop that stands still is late", () => {
  const probe = startLoadProbe();
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    const { delayMs, memoryPercent } = probe.read();
    // The timer is due every 50 ms.
    assert.ok(delayMs >= 149, String(delayMs));
    assert.ok(memoryPercent > 0 && memoryPercent < 100, String(memoryPercent));
  } finally {
    probe.stop();
  }
});
