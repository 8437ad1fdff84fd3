import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect as connectSocket, createServer, type Socket } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { BusUnavailableError } from "../../src/index.ts";
import {
  collect,
  completed,
  deliverItems,
  done,
  eventually,
  gate,
  newMessageId,
  nothingWaits,
  routeItem,
} from "../contract-items.ts";
import { skip, skipLong, startFleet } from "./fleet.ts";

const PUBLISHERS = 32;
/** What was acknowledged last before a kill looks unacknowledged for so long. */
const ACK_WAIT_MS = 6_000;

/**
 * Mail goes in, is routed and delivered, while the server is killed and started again.
 *
 * @param downMs How long it stays away, kill by kill; longer than the budget makes publishes fail.
 */
async function underFire(t: TestContext, budgetMs: number, downMs: readonly number[]): Promise<void> {
  const { server, connect } = await startFleet(t, {}, { ackWaitMs: ACK_WAIT_MS });
  const [edge, router, delivery] = await Promise.all([connect({ publishBudgetMs: budgetMs }), connect(), connect()]);
  const sent = new Map<string, number>();
  await router.consume("route", { concurrency: 50 }, async (work) => ({ publish: deliverItems(work) }));
  await delivery.consume("deliver", { concurrency: 50 }, async (work) => {
    await delay(1);
    if (!work.isHeld()) throw new Error("given up: the lease is gone");
    sent.set(work.messageId, (sent.get(work.messageId) ?? 0) + 1);
    return { eventsIfComplete: [completed(work.messageId)] };
  });
  const acknowledged: string[] = [];
  const refused: string[] = [];
  let isOver = false;
  const publishing = Array.from({ length: PUBLISHERS }, async () => {
    while (!isOver) {
      const messageId = newMessageId();
      try {
        await edge.publish(routeItem(messageId));
        acknowledged.push(messageId);
      } catch (err) {
        assert.ok(err instanceof BusUnavailableError, String(err));
        refused.push(messageId);
      }
    }
  });
  for (const ms of downMs) {
    const enough = acknowledged.length + 100;
    await eventually(() => assert.ok(acknowledged.length >= enough));
    await server.kill();
    await delay(ms);
    await server.start();
  }
  isOver = true;
  await Promise.all(publishing);
  await eventually(() => nothingWaits(delivery));
  await eventually(() => assert.equal(acknowledged.filter((id) => !sent.has(id)).length, 0));
  t.diagnostic(`${acknowledged.length} acknowledged, ${refused.length} refused`);
  assert.deepEqual(
    [...sent].filter(([, times]) => times > 1),
    [],
    "sent more than once",
  );
  assert.deepEqual(
    refused.filter((id) => sent.has(id)),
    [],
    "refused, and sent all the same",
  );
  if (downMs.some((ms) => ms > budgetMs)) assert.ok(refused.length > 0);
}

describe("the server is killed", { skip, concurrency: true }, () => {
  test("under load: nothing acknowledged is lost or sent twice, nothing refused is sent", (t) =>
    underFire(t, 1_500, [0, 0, 3_000]));

  test("under load, again and again", { skip: skipLong }, (t) =>
    underFire(
      t,
      4_000,
      Array.from({ length: 40 }, (_, i) => (i % 10 === 9 ? 6_000 : i * 10)),
    ),
  );

  test("while a handler works: it keeps its item, though the server hands it out again as if for the first time", async (t) => {
    const { server, connect } = await startFleet(t);
    const [first, second] = await Promise.all([connect(), connect()]);
    const entered = gate();
    const held = gate();
    const handled: string[] = [];
    await first.consume("route", { concurrency: 1 }, async (work) => {
      entered.open();
      await held.opened;
      handled.push("first");
      return { publish: deliverItems(work) };
    });
    await first.publish(routeItem(newMessageId()));
    await entered.opened;
    await second.consume("route", { concurrency: 1 }, async (work) => {
      handled.push("second");
      return { publish: deliverItems(work) };
    });
    await server.kill();
    await server.start();
    // Other mail comes through while the doubtful item is with its holder.
    const other = newMessageId();
    await second.publish(routeItem(other));
    await eventually(() => assert.deepEqual(handled, ["second"]));
    held.open();
    await eventually(() => assert.deepEqual(handled, ["second", "first"]));
    const delivered = await collect(second, "deliver", async () => done);
    await eventually(() => assert.equal(delivered.length, 2));
    await eventually(() => nothingWaits(second));
    assert.equal(delivered.length, 2);
  });

  test("after an item has ended: it is not handled again, though the acknowledgement is forgotten", async (t) => {
    const { server, connect } = await startFleet(t, {}, { ackWaitMs: ACK_WAIT_MS });
    const [first, second] = await Promise.all([connect(), connect()]);
    const handled: string[] = [];
    const subscription = await first.consume("route", { concurrency: 10 }, async ({ messageId }) => {
      handled.push(messageId);
      return { eventsIfComplete: [completed(messageId)] };
    });
    await Promise.all(Array.from({ length: 50 }, () => first.publish(routeItem(newMessageId()))));
    await eventually(() => assert.equal(handled.length, 50));
    await subscription.drain();
    await server.kill();
    await server.start();
    const again = await collect(second, "route");
    await eventually(() => nothingWaits(second));
    assert.deepEqual(again, []);
  });

  test("who waits for an answer hears at once that there will be none", async (t) => {
    const { server, connect } = await startFleet(t);
    const bus = await connect();
    const asked = gate();
    await bus.serve("scan.content", { concurrency: 1 }, () => {
      asked.open();
      return new Promise(() => {});
    });
    const answer = bus.request("scan.content", {}, { timeoutMs: 5_000 });
    const heard = assert.rejects(answer, { name: "DeferError", message: /the connection was lost/ });
    await asked.opened;
    await server.kill();
    await heard;
    await assert.rejects(bus.request("scan.content", {}, { timeoutMs: 5_000 }), { message: /no connection/ });
    await server.start();
  });

  test("a server that dies before it has greeted us does not keep mail from the next one", async (t) => {
    const { server, connect } = await startFleet(t);
    const { port } = new URL(server.url);
    const sockets: Socket[] = [];
    let isMute = false;
    const way = createServer((client) => {
      sockets.push(client.on("error", () => {}));
      if (!isMute) client.pipe(connectSocket(Number(port), "127.0.0.1").on("error", () => {})).pipe(client);
    }).listen(0, "127.0.0.1");
    await once(way, "listening");
    t.after(() => {
      for (const socket of sockets) socket.destroy();
      way.close();
    });
    const bus = await connect({ servers: [`nats://127.0.0.1:${(way.address() as AddressInfo).port}`] });
    await bus.publish(routeItem(newMessageId()));
    isMute = true;
    const before = sockets.length;
    for (const socket of sockets) socket.destroy();
    await eventually(() => assert.equal(sockets.length, before + 1));
    isMute = false;
    await bus.publish(routeItem(newMessageId())); // Within its budget.
    await eventually(async () => assert.equal((await bus.waiting.counts()).route, 2));
  });

  test("events go on after it, and questions are answered", async (t) => {
    const { server, connect } = await startFleet(t);
    const bus = await connect();
    const texts: string[] = [];
    await bus.events.follow({}, async ({ events }) => {
      texts.push(...events.map(({ id }) => id));
    });
    await bus.serve("scan.content", { concurrency: 1 }, async () => ({ v: 1 }));
    await bus.publish(routeItem(newMessageId()), [completed("before")]);
    await eventually(() => assert.deepEqual(texts, ["before/complete"]));
    await server.kill();
    await server.start();
    await bus.publish(routeItem(newMessageId()), [completed("after")]);
    await eventually(() => assert.deepEqual(texts, ["before/complete", "after/complete"]));
    assert.deepEqual(await bus.request("scan.content", {}, { timeoutMs: 5_000 }), { v: 1 });
  });
});
