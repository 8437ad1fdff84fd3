import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Value } from "typebox/value";
import {
  DeliveryItem,
  deliverySubject,
  eventSubject,
  firstItemId,
  MailEvent,
  nextItemId,
  RouteItem,
  splitItemId,
  subjectToken,
} from "../src/index.ts";

const id = "1vMhGf-00000000012-0Ab3";

describe("subjectToken", () => {
  test("makes one harmless token of any word", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (word) => assert.match(subjectToken(word), /^[a-z0-9_=-]{1,120}$/)),
    );
  });

  test("a domain stays readable, and two domains stay two", () => {
    assert.equal(subjectToken("Mail.Example.org"), "mail_example_org");
    assert.equal(deliverySubject("smtp", "example.org"), "mail.deliver.0.smtp.example_org");
    assert.notEqual(subjectToken("a".repeat(300)), subjectToken(`${"a".repeat(299)}b`));
  });
});

describe("item ids", () => {
  test("follow from the item that they come of", () => {
    const first = firstItemId(id);
    assert.equal(first, `${id}_0_0`);
    assert.equal(nextItemId(first), `${id}_0_1`);
    assert.equal(nextItemId(first, 1, 2), `${id}_0x1_1`);
    assert.equal(nextItemId(nextItemId(first, 1, 2)), `${id}_0x1_2`);
    assert.deepEqual(splitItemId(`${id}_0x1_2`), { messageId: id, branch: "0x1", step: 2 });
  });

  test("no two ways of splitting and going on meet", () => {
    const seen = new Set<string>();
    const walk = (item: string, depth: number): void => {
      assert.ok(!seen.has(item), item);
      seen.add(item);
      if (depth === 0) return;
      for (let i = 0; i < 3; i++) walk(nextItemId(item, i, 3), depth - 1);
    };
    walk(firstItemId(id), 4);
  });
});

describe("schemas", () => {
  const item = {
    v: 1,
    messageId: id,
    returnPath: "",
    recipients: [{ address: "ann@example.org" }],
    receivedAtMs: 1,
    queuedAtMs: 1,
    attempt: 1,
    reception: { protocol: "esmtp", size: 100 },
  };

  test("a route item fits, and nothing that the schema does not name", () => {
    assert.ok(Value.Check(RouteItem, item));
    assert.ok(!Value.Check(RouteItem, { ...item, extra: true }));
    assert.ok(!Value.Check(RouteItem, { ...item, recipients: [] }));
    assert.ok(!Value.Check(RouteItem, { ...item, v: 2 }));
  });

  test("a delivery item says by which transport", () => {
    assert.ok(Value.Check(DeliveryItem, { ...item, router: "smarthost", transport: "smtp", domain: "example.org" }));
    assert.ok(!Value.Check(DeliveryItem, item));
  });

  test("events are told apart by their names", () => {
    const event = { v: 1, id: "x", atMs: 1, service: "router", messageId: id, name: "msg:complete" } as const;
    assert.ok(Value.Check(MailEvent, event));
    assert.ok(!Value.Check(MailEvent, { ...event, name: "msg:lost" }));
    assert.equal(eventSubject(event), `event.msg_complete.${id}`);
  });
});
