import { test } from "node:test";
import { hostileRun } from "../support/hostile-run.ts";

// The long form is in test/faults.

test("a hundred hostile messages: no crash, no stall of the event loop, no growth", { timeout: 300_000 }, (t) =>
  hostileRun({ scope: t, amount: { messages: 100 }, connections: 4, log: (line) => t.diagnostic(line) }),
);
