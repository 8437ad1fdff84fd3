import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  collect,
  done,
  eventually,
  gate,
  newMessageId,
  nothingWaits,
  routeAgain,
  routeItem,
} from "../contract-items.ts";
import { skip, startFleet } from "./fleet.ts";

const LATE_MS = 3_600_000;

describe("deferred items on NATS", { skip, concurrency: true }, () => {
  test("leave the consumer: a thousand of them keep no new mail waiting", async (t) => {
    const bus = await (await startFleet(t)).connect();
    const fresh: string[] = [];
    await bus.consume("route", { concurrency: 20 }, async (work) => {
      if ((work.header as { later?: boolean }).later !== true) fresh.push(work.messageId);
      else return { publish: [routeAgain(work, { notBeforeMs: Date.now() + LATE_MS })] };
      return done;
    });
    await Promise.all(
      Array.from({ length: 1_000 }, () => bus.publish(routeItem(newMessageId(), { header: { later: true } }))),
    );
    await eventually(async () => assert.equal((await bus.waiting.counts()).deferred, 1_000));
    const messageId = newMessageId();
    await bus.publish(routeItem(messageId));
    await eventually(() => assert.deepEqual(fresh, [messageId]));
    await eventually(async () =>
      assert.deepEqual(await bus.waiting.counts(), { route: 0, deliver: 0, deferred: 1_000, frozen: 0 }),
    );
  });

  test("the schedules themselves are handed to nobody, also those that were made in a batch", async (t) => {
    const bus = await (await startFleet(t)).connect();
    const seen = await collect(bus, "route");
    const messages = Array.from({ length: 50 }, newMessageId);
    // At once, so that they go as one atomic batch: there the client drops its own `schedule` option.
    await Promise.all(messages.map((id) => bus.publish(routeItem(id, { notBeforeMs: Date.now() + 1_500 }))));
    assert.equal((await bus.waiting.counts()).deferred, messages.length);
    assert.equal(seen.length, 0);
    await eventually(() => assert.equal(seen.length, messages.length));
    await eventually(() => nothingWaits(bus));
    assert.deepEqual(seen.map((work) => work.messageId).toSorted(), messages.toSorted());
  });

  test("a schedule is replaced by an earlier one, and cancelled, in one step each", async (t) => {
    const bus = await (await startFleet(t)).connect();
    const seen = await collect(bus, "route");
    const [now, never] = [newMessageId(), newMessageId()];
    for (const id of [now, never]) await bus.publish(routeItem(id, { notBeforeMs: Date.now() + LATE_MS }));
    assert.equal(await bus.waiting.remove(routeItem(never).id, [], []), true);
    assert.equal(await bus.waiting.takeNow(routeItem(now).id), true);
    await eventually(() => assert.equal(seen.length, 1));
    assert.equal(seen[0]?.messageId, now);
    assert.equal(await bus.waiting.takeNow(routeItem(now).id), false);
    await eventually(() => nothingWaits(bus));
  });

  test("become due although the server was killed meanwhile", async (t) => {
    const { server, connect } = await startFleet(t);
    const bus = await connect();
    const seen = await collect(bus, "route");
    const messageId = newMessageId();
    await bus.publish(routeItem(messageId, { notBeforeMs: Date.now() + 1_000 }));
    await server.kill();
    await server.start();
    await eventually(() => assert.equal(seen[0]?.messageId, messageId));
  });

  test("an item that fails and waits for its next try keeps the others from nothing", async (t) => {
    const bus = await (await startFleet(t)).connect({ failurePauseMs: LATE_MS });
    const failed = gate();
    const poison = newMessageId();
    const seen = await collect(bus, "route", async (work) => {
      if (work.messageId === poison) {
        failed.open();
        throw new Error("not today");
      }
      return done;
    });
    await bus.publish(routeItem(poison));
    await failed.opened;
    await Promise.all(Array.from({ length: 100 }, () => bus.publish(routeItem(newMessageId()))));
    await eventually(() => assert.equal(seen.length, 101));
    await eventually(async () => assert.equal((await bus.waiting.counts()).route, 1));
  });
});
