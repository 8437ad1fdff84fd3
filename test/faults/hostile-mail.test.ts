import { test } from "node:test";
import { hostileRun } from "../support/hostile-run.ts";

const minutes = Number(process.env["POSTBUS_TEST_MINUTES"] ?? 0);
const messages = Number(process.env["POSTBUS_TEST_MESSAGES"] ?? 20_000);
const amount = minutes > 0 ? { minutes } : { messages };

test(
  `hostile mail (${JSON.stringify(amount)}): no crash, no stall of the event loop, no growth`,
  { timeout: 7_200_000 },
  (t) => hostileRun({ scope: t, amount, connections: 16, log: (line) => t.diagnostic(line) }),
);
