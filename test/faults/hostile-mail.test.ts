import { test } from "node:test";
import { hostileRun } from "../support/hostile-run.ts";

/** POSTBUS_TEST_MESSAGES messages; a million are about an hour's. */
const messages = Number(process.env["POSTBUS_TEST_MESSAGES"] ?? 20_000);

test(`${messages} hostile messages: no crash, no stall of the event loop, no growth`, { timeout: 7_200_000 }, (t) =>
  hostileRun({ scope: t, messages, connections: 16, log: (line) => t.diagnostic(line) }),
);
