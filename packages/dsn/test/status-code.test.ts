import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { remoteReply, statusCode } from "../src/status-code.ts";

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
  { text: "451 4.3.0 refused after all", timedOut: false, status: "5.0.0", reply: "451 4.3.0 refused after all" },
];

describe("what a text of failure says", () => {
  for (const { text, timedOut, status, reply } of cases) {
    test(text, () => {
      assert.equal(statusCode("failure", { address: "a@b", text, timedOut }), status);
      assert.equal(remoteReply(text), reply);
    });
  }
});

const others = [
  { kind: "delay", text: "SMTP error after RCPT TO:<a@b>: 450 4.2.0 later", status: "4.2.0" },
  { kind: "delay", text: "Connection timed out", status: "4.0.0" },
  { kind: "success", text: "250 2.1.5 taken", status: "2.1.5" },
  { kind: "success", text: "250 OK id=1", status: "2.0.0" },
  { kind: "success", text: "", status: "2.0.0" },
] as const;

for (const { kind, text, status } of others) {
  test(`of a ${kind}, "${text}" has the code ${status}`, () => {
    assert.equal(statusCode(kind, { address: "a@b", text, timedOut: false }), status);
  });
}
