import assert from "node:assert/strict";
import { test } from "node:test";
import { nextItemId } from "@postbus/contracts";
import type { WorkItem } from "../../src/index.ts";
import type { Open } from "../contract.ts";
import {
  collect,
  completed,
  deliverItems,
  done,
  eventually,
  finish,
  newMessageId,
  noted,
  nothingWaits,
  octetsOf,
  record,
  routeAgain,
  routeItem,
  textsOf,
} from "../contract-items.ts";

const LATE_MS = 60_000;

export function outcomeContract(open: Open): void {
  test("what a handler returns is published, and its input is done", async (t) => {
    const { bus } = await open(t);
    const events = await record(bus);
    const messageId = newMessageId();
    await collect(bus, "route", async (work) => ({
      publish: deliverItems(work),
      events: [noted(messageId, "routed")],
      eventsIfComplete: [completed(messageId)],
    }));
    const delivered = await collect(bus, "deliver");
    await bus.publish(routeItem(messageId));
    await eventually(() => assert.deepEqual(textsOf(events, messageId), ["routed", "msg:complete"]));
    assert.equal(delivered.length, 1);
    assert.deepEqual(delivered[0]?.header, { v: 1, messageId, part: 0 });
    assert.equal(octetsOf(delivered[0] as WorkItem), `Subject: ${messageId}\r\n\r\nÿ\r\n`);
    await eventually(() => nothingWaits(bus));
  });

  test("a handler that throws publishes nothing", async (t) => {
    const { bus } = await open(t);
    let tries = 0;
    await collect(bus, "route", async (work) => {
      if (++tries === 1) throw new Error("after the items were made");
      return { publish: deliverItems(work, 2) };
    });
    const delivered = await collect(bus, "deliver");
    await bus.publish(routeItem(newMessageId()));
    await eventually(() => assert.equal(delivered.length, 2));
    await eventually(() => nothingWaits(bus));
    assert.equal(tries, 2);
  });

  test("a message is complete exactly once, after the last of its items, however often it was split", async (t) => {
    const { bus } = await open(t);
    const events = await record(bus);
    const messages = Array.from({ length: 20 }, newMessageId);
    // 1 → 3 → (each again, twice) → …: the first round of deliveries splits, the second ends.
    await collect(bus, "route", async (work) => ({
      publish: deliverItems(work, work.id.endsWith("_0_0") ? 3 : 2),
      eventsIfComplete: [completed(work.messageId)],
    }));
    const delivered = await collect(bus, "deliver", async (work) => {
      const isFirstRound = work.id.endsWith("_1");
      return {
        ...(isFirstRound ? { publish: [routeAgain(work)] } : {}),
        events: [noted(work.messageId, isFirstRound ? "again" : "delivered")],
        eventsIfComplete: [completed(work.messageId)],
      };
    });
    await Promise.all(messages.map((messageId) => bus.publish(routeItem(messageId))));
    await eventually(() =>
      assert.equal(events.filter((event) => event.name === "msg:complete").length, messages.length),
    );
    await eventually(() => nothingWaits(bus));
    for (const messageId of messages) {
      const texts = textsOf(events, messageId);
      assert.equal(texts.filter((text) => text === "again").length, 3);
      assert.equal(texts.filter((text) => text === "delivered").length, 6);
      assert.equal(texts.filter((text) => text === "msg:complete").length, 1);
      assert.equal(texts.at(-1), "msg:complete");
    }
    assert.equal(delivered.length, messages.length * 9);
    for (const work of delivered) assert.equal(octetsOf(work), `Subject: ${work.messageId}\r\n\r\nÿ\r\n`);
  });

  test("an item that ends with deferred ones left does not complete the message", async (t) => {
    const { bus } = await open(t);
    const events = await record(bus);
    const messageId = newMessageId();
    await collect(bus, "route", async (work) => {
      const [now, later] = deliverItems(work, 2);
      assert.ok(now && later);
      return { publish: [now, { ...later, notBeforeMs: Date.now() + LATE_MS }] };
    });
    await collect(bus, "deliver", async (work) => ({
      events: [noted(messageId, `part ${(work.header as { part: number }).part}`)],
      eventsIfComplete: [completed(messageId)],
    }));
    await bus.publish(routeItem(messageId));
    await eventually(() => assert.deepEqual(textsOf(events, messageId), ["part 0"]));
    const [later] = await bus.waiting.ofMessage(messageId);
    assert.equal(later?.state, "deferred");
    assert.equal(await bus.waiting.takeNow(later.id), true);
    await eventually(() => assert.deepEqual(textsOf(events, messageId), ["part 0", "part 1", "msg:complete"]));
  });

  test("another message that comes out of a handler (a bounce) is complete on its own", async (t) => {
    const { bus } = await open(t);
    const events = await record(bus);
    const messageId = newMessageId();
    const bounceId = newMessageId();
    const bounces: WorkItem[] = [];
    await collect(bus, "route", async (work) => {
      if (work.messageId === messageId) {
        return { publish: [routeItem(bounceId)], eventsIfComplete: [completed(messageId)] };
      }
      bounces.push(work);
      return finish(work);
    });
    await bus.publish(routeItem(messageId));
    await eventually(() => assert.deepEqual(textsOf(events, bounceId), ["msg:complete"]));
    assert.deepEqual(textsOf(events, messageId), ["msg:complete"]);
    assert.equal(octetsOf(bounces[0] as WorkItem), `Subject: ${bounceId}\r\n\r\nÿ\r\n`);
    await eventually(() => nothingWaits(bus));
  });

  test("a message can go in circles: the same step of its branch is never taken for a repetition", async (t) => {
    const { bus } = await open(t);
    const rounds = 20;
    const seen = await collect(bus, "route", async (work) =>
      work.id.endsWith(`_${rounds}`) ? done : { publish: [routeAgain(work)] },
    );
    const first = routeItem(newMessageId());
    await bus.publish(first);
    await eventually(() => assert.equal(seen.length, rounds + 1));
    await eventually(() => nothingWaits(bus));
    assert.equal(seen[1]?.id, nextItemId(first.id));
  });

  test("nobody gets an item before its time", async (t) => {
    const { bus } = await open(t);
    const handled: { readonly messageId: string; readonly atMs: number }[] = [];
    await collect(bus, "route", async ({ messageId }) => {
      handled.push({ messageId, atMs: Date.now() });
      return done;
    });
    const now = Date.now();
    const [later, sooner, never] = [newMessageId(), newMessageId(), newMessageId()];
    await bus.publish(routeItem(never, { notBeforeMs: now + LATE_MS }));
    await bus.publish(routeItem(later, { notBeforeMs: now + 2_500 }));
    await bus.publish(routeItem(sooner, { notBeforeMs: now + 1_200 }));
    await eventually(async () => assert.equal((await bus.waiting.counts()).deferred, 3));
    await eventually(() => assert.equal(handled.length, 2));
    assert.deepEqual(
      handled.map(({ messageId }) => messageId),
      [sooner, later],
    );
    assert.ok((handled[0]?.atMs ?? 0) >= now + 1_200);
    assert.ok((handled[1]?.atMs ?? 0) >= now + 2_500);
    await eventually(async () => assert.equal((await bus.waiting.counts()).deferred, 1));
  });

  test("a time that has passed is now", async (t) => {
    const { bus } = await open(t);
    const seen = await collect(bus, "route");
    await bus.publish(routeItem(newMessageId(), { notBeforeMs: Date.now() - 1 }));
    await eventually(() => assert.equal(seen.length, 1));
  });
}
