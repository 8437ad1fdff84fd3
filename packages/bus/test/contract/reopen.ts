import assert from "node:assert/strict";
import { test } from "node:test";
import type { Open } from "../contract.ts";
import { collect, eventually, newMessageId, noted, octetsOf, record, routeItem, textsOf } from "../contract-items.ts";

const LATE_MS = 60_000;

export function reopenContract(open: Open): void {
  test("finds everything that was waiting", async (t) => {
    const { bus, reopen } = await open(t);
    if (reopen === undefined) return t.skip("this driver's storage is not in the process");
    const messages = [newMessageId(), newMessageId(), newMessageId()];
    const [ready = "", deferred = "", frozen = ""] = messages;
    await bus.publish(routeItem(ready));
    await bus.publish(routeItem(deferred, { notBeforeMs: Date.now() + LATE_MS }));
    await bus.publish(routeItem(frozen, { frozen: "why" }));
    const later = await reopen();
    assert.deepEqual(await later.waiting.counts(), { route: 1, deliver: 0, deferred: 1, frozen: 1 });
    const seen = await collect(later, "route");
    await eventually(async () => assert.equal(await later.waiting.takeNow(routeItem(deferred).id), true));
    await eventually(async () => assert.equal(await later.waiting.takeNow(routeItem(frozen).id), true));
    await eventually(() => assert.equal(seen.length, 3));
    assert.deepEqual(seen.map((work) => work.messageId).toSorted(), messages.toSorted());
    for (const work of seen) assert.equal(octetsOf(work), `Subject: ${work.messageId}\r\n\r\nÿ\r\n`);
  });

  test("hands out what has become due meanwhile", async (t) => {
    const { bus, reopen } = await open(t);
    if (reopen === undefined) return t.skip("this driver's storage is not in the process");
    const messageId = newMessageId();
    await bus.publish(routeItem(messageId, { notBeforeMs: Date.now() + 1_200 }));
    const later = await reopen();
    const seen = await collect(later, "route");
    await eventually(() => assert.equal(seen[0]?.messageId, messageId));
  });

  test("follows events from a position of the earlier one", async (t) => {
    const { bus, reopen } = await open(t);
    if (reopen === undefined) return t.skip("this driver's storage is not in the process");
    const messageId = newMessageId();
    await bus.publish(routeItem(newMessageId()), [noted(messageId, "1")]);
    let position = "";
    await bus.events.follow({}, async (batch) => {
      position = batch.position;
    });
    await eventually(() => assert.notEqual(position, ""));
    const later = await reopen();
    await later.publish(routeItem(newMessageId()), [noted(messageId, "2")]);
    const texts: string[] = [];
    const gaps: boolean[] = [];
    await later.events.follow({ after: position }, async (batch) => {
      texts.push(...textsOf(batch.events, messageId));
      gaps.push(batch.gap);
    });
    await eventually(() => assert.deepEqual(texts, ["2"]));
    assert.ok(!gaps.includes(true));
    const all = await record(later);
    await eventually(() => assert.deepEqual(textsOf(all, messageId), ["1", "2"]));
  });

  test("finds the shared values, and their revisions go on growing", async (t) => {
    const { bus, reopen } = await open(t);
    if (reopen === undefined) return t.skip("this driver's storage is not in the process");
    const revision = await bus.keyValue("claims").put("k", { a: 1 });
    const later = await reopen();
    assert.deepEqual(await later.keyValue("claims").get("k"), { key: "k", value: { a: 1 }, revision });
    assert.ok((await later.keyValue("claims").put("k", { a: 2 })) > revision);
  });
}
