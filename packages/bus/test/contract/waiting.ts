import assert from "node:assert/strict";
import { test } from "node:test";
import type { Open } from "../contract.ts";
import {
  collect,
  completed,
  deliverItems,
  done,
  eventually,
  gate,
  newMessageId,
  noted,
  nothingWaits,
  record,
  routeItem,
  textsOf,
} from "../contract-items.ts";

const LATE_MS = 60_000;

export function waitingContract(open: Open): void {
  test("counts, lists and finds items by state", async (t) => {
    const { bus } = await open(t);
    const [ready, deferred, frozen] = [newMessageId(), newMessageId(), newMessageId()];
    const notBeforeMs = Date.now() + LATE_MS;
    await bus.publish(routeItem(ready));
    await bus.publish(routeItem(deferred, { notBeforeMs }));
    await bus.publish(routeItem(frozen, { frozen: "a person must look" }));
    await eventually(async () =>
      assert.deepEqual(await bus.waiting.counts(), { route: 1, deliver: 0, deferred: 1, frozen: 1 }),
    );
    const all = await bus.waiting.list({ limit: 10 });
    assert.deepEqual(
      all.map(({ messageId, queue, state }) => ({ messageId, queue, state })),
      [
        { messageId: ready, queue: "route", state: "ready" },
        { messageId: deferred, queue: "route", state: "deferred" },
        { messageId: frozen, queue: "route", state: "frozen" },
      ],
    );
    assert.deepEqual(all[0]?.header, routeItem(ready).header);
    assert.equal(all[1]?.notBeforeMs, notBeforeMs);
    assert.equal(all[2]?.reason, "a person must look");
    const [one, ...others] = await bus.waiting.list({ state: "deferred", limit: 10 });
    assert.equal(one?.messageId, deferred);
    assert.deepEqual(others, []);
    assert.equal((await bus.waiting.ofMessage(frozen))[0]?.id, routeItem(frozen).id);
    assert.deepEqual(await bus.waiting.ofMessage(newMessageId()), []);
  });

  test("messages are counted, whatever number of items each has, and wherever these are", async (t) => {
    const { bus } = await open(t);
    assert.equal(await bus.waiting.messageCount(), 0);
    const [several, one] = [newMessageId(), newMessageId()];
    const { promise: isOver, resolve } = Promise.withResolvers<void>();
    await bus.publish(routeItem(several));
    await bus.publish(routeItem(one, { notBeforeMs: Date.now() + LATE_MS }));
    await bus.consume("route", { concurrency: 1 }, async (work) => {
      const items = deliverItems(work, 3);
      queueMicrotask(resolve);
      return { publish: items.map((item, i) => (i === 1 ? { ...item, notBeforeMs: Date.now() + LATE_MS } : item)) };
    });
    await isOver;
    await eventually(async () =>
      assert.deepEqual(await bus.waiting.counts(), { route: 0, deliver: 2, deferred: 2, frozen: 0 }),
    );
    assert.equal(await bus.waiting.messageCount(), 2);
  });

  test("a list is paged by the last id, in order of arrival", async (t) => {
    const { bus } = await open(t);
    const messages = Array.from({ length: 25 }, newMessageId);
    await Promise.all(
      messages.map((messageId, i) =>
        bus.publish(
          routeItem(
            messageId,
            i % 3 === 0 ? { frozen: "x" } : i % 3 === 1 ? { notBeforeMs: Date.now() + LATE_MS } : {},
          ),
        ),
      ),
    );
    await eventually(async () => {
      const listed: string[] = [];
      for (let after: string | undefined; ; ) {
        const page = await bus.waiting.list(after === undefined ? { limit: 10 } : { limit: 10, after });
        assert.ok(page.length <= 10);
        listed.push(...page.map((item) => item.messageId));
        after = page.at(-1)?.id;
        if (after === undefined) break;
      }
      assert.deepEqual(listed, messages);
    });
  });

  test("a deferred and a frozen item can be taken now", async (t) => {
    const { bus } = await open(t);
    const seen = await collect(bus, "route");
    const [deferred, frozen] = [newMessageId(), newMessageId()];
    await bus.publish(routeItem(deferred, { notBeforeMs: Date.now() + LATE_MS }));
    await bus.publish(routeItem(frozen, { frozen: "why" }));
    await eventually(async () => assert.equal(await bus.waiting.takeNow(routeItem(deferred).id), true));
    await eventually(async () => assert.equal(await bus.waiting.takeNow(routeItem(frozen).id), true));
    await eventually(() => nothingWaits(bus));
    assert.deepEqual(seen.map((work) => work.messageId).toSorted(), [deferred, frozen].toSorted());
  });

  test("ready and deferred items can be frozen, and are not handed out then", async (t) => {
    const { bus } = await open(t);
    const [ready, deferred] = [newMessageId(), newMessageId()];
    await bus.publish(routeItem(ready));
    await bus.publish(routeItem(deferred, { notBeforeMs: Date.now() + LATE_MS }));
    await eventually(async () => assert.equal(await bus.waiting.freeze(routeItem(ready).id, "first"), true));
    await eventually(async () => assert.equal(await bus.waiting.freeze(routeItem(deferred).id, "second"), true));
    await eventually(async () =>
      assert.deepEqual(
        (await bus.waiting.list({ state: "frozen", limit: 10 })).map(({ messageId, reason }) => [messageId, reason]),
        [
          [ready, "first"],
          [deferred, "second"],
        ],
      ),
    );
    const seen = await collect(bus, "route");
    const other = newMessageId();
    await bus.publish(routeItem(other));
    await eventually(() => assert.equal(seen.length, 1));
    assert.equal(seen[0]?.messageId, other);
  });

  test("a deferred and a frozen item can get another header, and wait as before", async (t) => {
    const { bus } = await open(t);
    const [deferred, frozen, ready] = [newMessageId(), newMessageId(), newMessageId()];
    await bus.publish(routeItem(deferred, { notBeforeMs: Date.now() + LATE_MS }));
    await bus.publish(routeItem(frozen, { frozen: "why" }));
    await bus.publish(routeItem(ready));
    for (const messageId of [deferred, frozen]) {
      const { id } = routeItem(messageId);
      await eventually(async () => assert.equal(await bus.waiting.revise(id, { said: messageId }), true));
      await eventually(async () => assert.equal(await bus.waiting.revise(id, { saidLast: messageId }), true));
    }
    assert.equal(await bus.waiting.revise(routeItem(ready).id, {}), false);
    assert.equal(await bus.waiting.revise(routeItem(newMessageId()).id, {}), false);
    await eventually(async () =>
      assert.deepEqual(await bus.waiting.counts(), { route: 1, deliver: 0, deferred: 1, frozen: 1 }),
    );
    assert.equal((await bus.waiting.ofMessage(frozen))[0]?.reason, "why");
    const seen = await collect(bus, "route");
    for (const messageId of [deferred, frozen]) {
      await eventually(async () => assert.equal(await bus.waiting.takeNow(routeItem(messageId).id), true));
    }
    await eventually(() => nothingWaits(bus));
    const revised = seen.filter((work) => work.messageId !== ready);
    assert.deepEqual(
      new Map(revised.map((work) => [work.messageId, work.header])),
      new Map(revised.map(({ messageId }) => [messageId, { saidLast: messageId }])),
    );
    assert.equal(revised.length, 2);
  });

  test("an item in any state can be removed, with its events; the last one completes the message", async (t) => {
    const { bus } = await open(t);
    const events = await record(bus);
    const messages = [newMessageId(), newMessageId(), newMessageId()];
    const [ready = "", deferred = "", frozen = ""] = messages;
    await bus.publish(routeItem(ready));
    await bus.publish(routeItem(deferred, { notBeforeMs: Date.now() + LATE_MS }));
    await bus.publish(routeItem(frozen, { frozen: "why" }));
    for (const messageId of messages) {
      await eventually(async () =>
        assert.equal(
          await bus.waiting.remove(
            routeItem(messageId).id,
            [noted(messageId, "removed by root")],
            [completed(messageId)],
          ),
          true,
        ),
      );
      await eventually(() => assert.deepEqual(textsOf(events, messageId), ["removed by root", "msg:complete"]));
    }
    await eventually(() => nothingWaits(bus));
  });

  test("removing one of several items leaves the message open", async (t) => {
    const { bus } = await open(t);
    const events = await record(bus);
    const messageId = newMessageId();
    await collect(bus, "route", async (work) => ({ publish: deliverItems(work, 2) }));
    await bus.publish(routeItem(messageId));
    await eventually(async () => assert.equal((await bus.waiting.ofMessage(messageId)).length, 2));
    const [first, second] = await bus.waiting.ofMessage(messageId);
    assert.ok(first && second);
    await eventually(async () =>
      assert.equal(await bus.waiting.remove(first.id, [noted(messageId, "one")], [completed(messageId)]), true),
    );
    await eventually(async () =>
      assert.equal(await bus.waiting.remove(second.id, [noted(messageId, "two")], [completed(messageId)]), true),
    );
    await eventually(() => assert.deepEqual(textsOf(events, messageId), ["one", "two", "msg:complete"]));
  });

  test("commands on items that are not there say so", async (t) => {
    const { bus } = await open(t);
    const { id } = routeItem(newMessageId());
    assert.equal(await bus.waiting.takeNow(id), false);
    assert.equal(await bus.waiting.freeze(id, "x"), false);
    assert.equal(await bus.waiting.remove(id, [], []), false);
  });

  test("an item in a handler's hands cannot be taken away from it", async (t) => {
    const { bus } = await open(t);
    const entered = gate();
    const held = gate();
    const published = routeItem(newMessageId());
    await bus.consume("route", { concurrency: 1 }, async () => {
      entered.open();
      await held.opened;
      return done;
    });
    await bus.publish(published);
    await entered.opened;
    assert.equal(await bus.waiting.freeze(published.id, "x"), false);
    assert.equal(await bus.waiting.remove(published.id, [], []), false);
    assert.equal((await bus.waiting.counts()).route, 1);
    held.open();
    await eventually(() => nothingWaits(bus));
  });
}
