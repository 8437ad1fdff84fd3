import assert from "node:assert/strict";
import { test } from "node:test";
import type { EventBatch } from "../../src/index.ts";
import type { Open } from "../contract.ts";
import { eventually, newMessageId, noted, record, routeItem, textsOf } from "../contract-items.ts";

export function eventLogContract(open: Open): void {
  /** Publishes an item with `count` events. */
  async function raise(bus: Awaited<ReturnType<Open>>["bus"], messageId: string, from: number, count: number) {
    for (let i = from; i < from + count; i++) {
      await bus.publish(routeItem(newMessageId()), [noted(messageId, `${i}`)]);
    }
  }
  const upTo = (n: number, from = 0): string[] => Array.from({ length: n - from }, (_, i) => `${i + from}`);

  test("a follower gets what happened before and after it came, in order", async (t) => {
    const { bus } = await open(t);
    const messageId = newMessageId();
    await raise(bus, messageId, 0, 10);
    const events = await record(bus);
    await raise(bus, messageId, 10, 10);
    await eventually(() => assert.deepEqual(textsOf(events, messageId), upTo(20)));
  });

  test('"end" gets only what comes from now on', async (t) => {
    const { bus } = await open(t);
    const messageId = newMessageId();
    await raise(bus, messageId, 0, 5);
    const all = await record(bus);
    await eventually(() => assert.equal(all.length, 5));
    const events = await record(bus, "end");
    await raise(bus, messageId, 5, 5);
    await eventually(() => assert.deepEqual(textsOf(events, messageId), upTo(10, 5)));
  });

  test("a follower goes on behind a position", async (t) => {
    const { bus } = await open(t);
    const messageId = newMessageId();
    await raise(bus, messageId, 0, 10);
    const first: EventBatch[] = [];
    const subscription = await bus.events.follow({ batch: 3 }, async (batch) => {
      first.push(batch);
    });
    await eventually(() => assert.equal(first.flatMap((batch) => batch.events).length, 10));
    await subscription.drain();
    for (const [i, batch] of first.entries()) {
      assert.equal(batch.gap, false);
      const events: string[] = [];
      const gaps: boolean[] = [];
      const again = await bus.events.follow({ after: batch.position }, async (later) => {
        events.push(...textsOf(later.events, messageId));
        gaps.push(later.gap);
      });
      const seen = first.slice(0, i + 1).flatMap((b) => b.events).length;
      await eventually(() => assert.deepEqual(events, upTo(10, seen)));
      assert.ok(!gaps.includes(true));
      await again.drain();
    }
  });

  test("behind the position of another bus, all is new, and there is a gap", async (t) => {
    const { bus } = await open(t);
    const messageId = newMessageId();
    await raise(bus, messageId, 0, 3);
    const batches: EventBatch[] = [];
    await bus.events.follow({ after: "1eaad4d7a388:51" }, async (batch) => {
      batches.push(batch);
    });
    await raise(bus, messageId, 3, 1);
    await eventually(() =>
      assert.deepEqual(
        batches.flatMap(({ events }) => textsOf(events, messageId)),
        upTo(4),
      ),
    );
    assert.equal(batches[0]?.gap, true);
  });

  test("a handler that throws gets the same batch again", async (t) => {
    const { bus } = await open(t);
    const messageId = newMessageId();
    await raise(bus, messageId, 0, 3);
    const batches: string[][] = [];
    await bus.events.follow({ batch: 100 }, async ({ events }) => {
      batches.push(textsOf(events, messageId));
      if (batches.length === 1) throw new Error("disk is full");
    });
    await eventually(() => assert.ok(batches.length > 1 && batches.slice(1).flat().length >= 3));
    assert.deepEqual(batches[1]?.slice(0, batches[0]?.length), batches[0]);
    assert.deepEqual(batches.slice(1).flat(), upTo(3));
  });

  test("the next batch is given when the handler is done with this one", async (t) => {
    const { bus } = await open(t);
    const messageId = newMessageId();
    await raise(bus, messageId, 0, 10);
    let running = 0;
    let most = 0;
    const texts: string[] = [];
    await bus.events.follow({ batch: 2 }, async ({ events }) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 2));
      texts.push(...textsOf(events, messageId));
      running--;
    });
    await eventually(() => assert.deepEqual(texts, upTo(10)));
    assert.equal(most, 1);
  });

  test("events that go with no item are recorded, too", async (t) => {
    const { bus } = await open(t);
    const events = await record(bus);
    const messageId = newMessageId();
    await bus.events.record([noted(messageId, "0"), noted(messageId, "1")]);
    await bus.events.record([noted(messageId, "2")]);
    await eventually(() => assert.deepEqual(textsOf(events, messageId), upTo(3)));
  });

  test("a drained follower gets no more", async (t) => {
    const { bus } = await open(t);
    const messageId = newMessageId();
    const stopped: string[] = [];
    const subscription = await bus.events.follow({}, async ({ events }) => {
      stopped.push(...textsOf(events, messageId));
    });
    await raise(bus, messageId, 0, 2);
    await eventually(() => assert.equal(stopped.length, 2));
    await subscription.drain();
    const going = await record(bus);
    await raise(bus, messageId, 2, 2);
    await eventually(() => assert.equal(going.length, 4));
    assert.deepEqual(stopped, upTo(2));
  });
}
