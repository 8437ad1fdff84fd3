import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { failureStatus, remoteReply } from "../src/remote-reply.ts";

const cases = [
  { text: "SMTP error after RCPT TO:<a@b>: 550 5.1.1 no", timedOut: false, status: "5.1.1", reply: "550 5.1.1 no" },
  { text: "SMTP error after RCPT TO:<a@b>: 550-5.7.1 no", timedOut: false, status: "5.7.1", reply: "550-5.7.1 no" },
  { text: "SMTP error after end of data: 554 no", timedOut: false, status: "5.0.0", reply: "554 no" },
  { text: "552 too much", timedOut: false, status: "5.0.0", reply: "552 too much" },
  {
    text: "451 4.3.0 later: retry timeout exceeded",
    timedOut: true,
    status: "4.4.7",
    reply: "451 4.3.0 later: retry timeout exceeded",
  },
  { text: "Connection refused: retry timeout exceeded", timedOut: true, status: "4.4.7", reply: undefined },
  { text: "Unrouteable address", timedOut: false, status: "5.0.0", reply: undefined },
  { text: "room 550 5.1.1 is no reply", timedOut: false, status: "5.0.0", reply: undefined },
];

describe("what a text of failure says", () => {
  for (const { text, timedOut, status, reply } of cases) {
    test(text, () => {
      assert.equal(failureStatus({ address: "a@b", text, timedOut }), status);
      assert.equal(remoteReply(text), reply);
    });
  }
});
