import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { MessageOptions } from "@postbus/policy";
import { messageAsSent } from "../../src/message/message-as-sent.ts";
import { deliveryItem } from "../smtp/rig.ts";

const nowMs = new Date(2026, 10, 21, 1, 36, 36).getTime();
const OPTIONS: MessageOptions = {
  headersAdd: [],
  headersRemove: [],
  only: undefined,
  returnPath: undefined,
  adds: { returnPath: false, envelopeTo: false, deliveryDate: false },
};
const ALL = { returnPath: true, envelopeTo: true, deliveryDate: true };

describe("the return path of a delivery", () => {
  const cases = [
    { name: "is the sender", item: {}, options: undefined, expected: "s@a.test" },
    {
      name: "is what errors_to of the router says",
      item: { errorsTo: "owner@a.test" },
      options: undefined,
      expected: "owner@a.test",
    },
    { name: "is null where errors_to is empty", item: { errorsTo: "" }, options: OPTIONS, expected: "" },
    {
      name: "is what the transport says, whatever the router has said",
      item: { errorsTo: "owner@a.test" },
      options: { ...OPTIONS, returnPath: "t@a.test" },
      expected: "t@a.test",
    },
  ];
  for (const { name, item, options, expected } of cases) {
    test(name, () => {
      const made = deliveryItem(["r@b.test"], item);
      assert.equal(messageAsSent(made, options, made.recipients, nowMs).returnPath, expected);
    });
  }
});

test("a message that neither router nor transport changes has no changes", () => {
  const item = deliveryItem(["r@b.test"]);
  assert.equal(messageAsSent(item, undefined, item.recipients, nowMs).changes, undefined);
});

test("the router's fields come before the transport's", () => {
  const item = deliveryItem(["r@b.test"], { headersAdd: ["A: 1\n"], headersRemove: ["X"] });
  const { changes } = messageAsSent(
    item,
    { ...OPTIONS, headersAdd: ["B: 2\n"], headersRemove: ["Y"] },
    item.recipients,
    nowMs,
  );
  assert.deepEqual(changes, { top: "", headersAdd: ["A: 1\n", "B: 2\n"], headersRemove: ["X", "Y"] });
});

// Expected: Exim 4.96 and 4.98, appendfile with batch_max.
test("the fields on top name the recipients as the client has named them, each once", () => {
  const item = deliveryItem([], { errorsTo: "owner@a.test" });
  const origin = { parents: ["between@a.test", "list@a.test"] };
  const recipients = [{ address: "one@b.test", origin }, { address: "two@b.test", origin }, { address: "r@b.test" }];
  const { changes } = messageAsSent(item, { ...OPTIONS, adds: ALL }, recipients, nowMs);
  assert.match(
    changes?.top ?? "",
    /^Return-path: <owner@a\.test>\nEnvelope-to: list@a\.test,\n r@b\.test\nDelivery-date: Sat, 21 Nov 2026 01:36:36 [+-]\d{4}\n$/,
  );
});

test("body_only leaves out the fields on top, too", () => {
  const item = deliveryItem(["r@b.test"]);
  const { changes } = messageAsSent(item, { ...OPTIONS, only: "body", adds: ALL }, item.recipients, nowMs);
  assert.equal(changes?.top, "");
});

test("a line end in an address writes no field", () => {
  const item = deliveryItem(["r\nBcc: x@b.test"], { returnPath: "s\r\nX: 1@a.test" });
  const { changes } = messageAsSent(item, { ...OPTIONS, adds: ALL }, item.recipients, nowMs);
  assert.match(
    changes?.top ?? "",
    /^Return-path: <s {2}X: 1@a\.test>\nEnvelope-to: r Bcc: x@b\.test\nDelivery-date: [^\n]*\n$/,
  );
});
