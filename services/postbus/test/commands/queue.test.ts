import assert from "node:assert/strict";
import { test } from "node:test";
import { itemLine } from "../../src/commands/queue.ts";

const item = {
  id: "1vMhGf-0000000012a-0Ab3_0_0",
  messageId: "1vMhGf-0000000012a-0Ab3",
  state: "ready",
  size: 2_950,
  returnPath: "a@example.org",
  recipients: ["b@example.net"],
  recipientCount: 1,
  receivedAtMs: 0,
};
const nowMs = 25 * 60_000;
const head = "1vMhGf-0000000012a-0Ab3 ready     25m  2.9K <a@example.org> → b@example.net";

const cases = [
  { name: "to be handed out", change: {}, want: head },
  {
    name: "deferred, with the reason and the time",
    change: { state: "deferred", notBeforeMs: nowMs + 90_000, lastError: "Connection refused" },
    want: `${head.replace("ready   ", "deferred")}  again in 1m: Connection refused`,
  },
  {
    name: "suspended, whatever the host has said before",
    change: { state: "deferred", notBeforeMs: nowMs + 90_000, lastError: "Connection refused", suspended: "b.test" },
    want: `${head.replace("ready   ", "deferred")}  again in 1m: delivery to b.test is suspended`,
  },
  {
    name: "frozen",
    change: { state: "frozen", reason: "frozen by operator" },
    want: `${head.replace("ready ", "frozen")}  frozen by operator`,
  },
  { name: "more recipients than are listed", change: { recipientCount: 12 }, want: `${head} and 11 more` },
  {
    name: "an address with an escape sequence does not reach the terminal as one",
    change: { recipients: ["\u001b[2Jb@example.net"] },
    want: head.replace("b@example.net", "?[2Jb@example.net"),
  },
];

for (const { name, change, want } of cases) {
  test(name, () => assert.equal(itemLine({ ...item, ...change }, nowMs), want));
}
