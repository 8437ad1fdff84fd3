import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import type { Bus, WorkItem } from "../../src/index.ts";
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
import { type Fleet, skip, startFleet } from "./fleet.ts";

const ACK_WAIT_MS = 2_000;

/** Publishes so many items at once: all but the first share messages. */
async function publishTogether(bus: Bus, count: number): Promise<string[]> {
  const messages = Array.from({ length: count }, newMessageId);
  await Promise.all(messages.map((id) => bus.publish(routeItem(id))));
  return messages;
}

async function messagesIn(t: TestContext, { server }: Fleet, stream: string): Promise<number> {
  const connection = await connect({ servers: server.url });
  t.after(() => connection.close());
  return (await (await jetstreamManager(connection)).streams.info(stream)).state.messages;
}

describe("items that share a message", { skip, concurrency: true }, () => {
  test("what is published at one time is one message, and is counted, listed and handed out one by one", async (t) => {
    const fleet = await startFleet(t);
    const bus = await fleet.connect();
    const messages = await publishTogether(bus, 100);
    assert.ok((await messagesIn(t, fleet, "MAIL_ROUTE")) < 10);
    assert.equal((await bus.waiting.counts()).route, 100);
    const listed = await bus.waiting.list({ limit: 1_000 });
    assert.deepEqual(
      listed.map(({ messageId, state }) => `${messageId} ${state}`),
      messages.map((id) => `${id} ready`),
    );
    const one = messages[50] ?? "";
    assert.deepEqual((await bus.waiting.ofMessage(one))[0]?.header, routeItem(one).header);
    const seen = await collect(bus, "route");
    await eventually(() => nothingWaits(bus));
    assert.deepEqual(seen.map(({ messageId }) => messageId).toSorted(), messages.toSorted());
    for (const { messageId, content } of seen) assert.deepEqual(content, routeItem(messageId).content);
  });

  test("an operator takes one out, and the others are handled", async (t) => {
    const bus = await (await startFleet(t)).connect();
    const events = await record(bus);
    const messages = await publishTogether(bus, 20);
    const [frozen = "", removed = "", ...others] = messages.slice(5);
    assert.equal(await bus.waiting.freeze(routeItem(frozen).id, "to be looked at"), true);
    const words = [noted(removed, "removed")];
    assert.equal(await bus.waiting.remove(routeItem(removed).id, words, [completed(removed)]), true);
    assert.equal(await bus.waiting.remove(routeItem(removed).id, [], []), false);
    assert.deepEqual(await bus.waiting.counts(), { route: 18, deliver: 0, deferred: 0, frozen: 1 });
    await eventually(() => assert.deepEqual(textsOf(events, removed), ["removed", "msg:complete"]));
    const seen = await collect(bus, "route");
    await eventually(async () => assert.equal((await bus.waiting.counts()).route, 0));
    assert.deepEqual(
      seen.map(({ messageId }) => messageId).toSorted(),
      [...messages.slice(0, 5), ...others].toSorted(),
    );
    assert.equal(await bus.waiting.takeNow(routeItem(frozen).id), true);
    await eventually(() => assert.equal(seen.at(-1)?.messageId, frozen));
  });

  test("one that fails is tried again, then frozen; the others come to their end", async (t) => {
    const bus = await (await startFleet(t)).connect();
    const messages = await publishTogether(bus, 20);
    const poison = messages[10];
    const tries: number[] = [];
    const seen = await collect(bus, "route", async ({ messageId, handedOut }) => {
      if (messageId !== poison) return done;
      tries.push(handedOut);
      throw new Error("not digestible");
    });
    await eventually(async () =>
      assert.deepEqual(await bus.waiting.counts(), { route: 0, deliver: 0, deferred: 0, frozen: 1 }),
    );
    assert.deepEqual(tries, [1, 2, 3]);
    assert.equal(new Set(seen.map(({ messageId }) => messageId)).size, 20);
    assert.equal((await bus.waiting.list({ state: "frozen", limit: 2 }))[0]?.messageId, poison);
  });

  test("a process that dies in the middle: what was done is not done again, the rest goes to another", async (t) => {
    const { connect } = await startFleet(t, {}, { ackWaitMs: ACK_WAIT_MS });
    const [edge, first, second] = await Promise.all([connect(), connect(), connect()]);
    const messages = await publishTogether(edge, 20);
    const stuck = gate();
    const before = await collect(first, "route", async ({ messageId }) => {
      if (messages.indexOf(messageId) % 2 === 1) await stuck.opened;
      return done;
    });
    // As many as it takes at one time are with it; of those, each second one came to its end.
    await eventually(async () => assert.ok((await edge.waiting.counts()).route <= 15));
    const ended = async () => {
      const waiting = (await edge.waiting.list({ limit: 100 })).map(({ messageId }) => messageId);
      return messages.filter((id) => !waiting.includes(id));
    };
    await eventually(async () => assert.ok((await ended()).length >= 5));
    await first.close();
    const endedBefore = await ended();
    const after = await collect(second, "route");
    await eventually(() => nothingWaits(edge));
    assert.ok(before.length > 0);
    assert.deepEqual(
      after.map(({ messageId }) => messageId).toSorted(),
      messages.filter((id) => !endedBefore.includes(id)).toSorted(),
    );
  });

  test("a handler that runs again makes nothing twice of what it had published in a bundle before", async (t) => {
    const { connect } = await startFleet(t, {}, { ackWaitMs: ACK_WAIT_MS });
    const [edge, first, second, delivery] = await Promise.all([connect(), connect(), connect(), connect()]);
    const taken: WorkItem[] = [];
    await collect(first, "route", async (work) => {
      taken.push(work);
      return new Promise(() => {});
    });
    const messages = await publishTogether(edge, 8);
    await eventually(() => assert.equal(taken.length, 8));
    // What `first` has done when it dies: all is published, nothing recorded.
    await Promise.all(taken.flatMap((work) => deliverItems(work)).map((item) => edge.publish(item)));
    await first.close();
    // Half of that is delivered before the items come again.
    const delivered: string[] = [];
    const hold = gate();
    await delivery.consume("deliver", { concurrency: 4 }, async ({ messageId }) => {
      if (delivered.push(messageId) > 4) await hold.opened;
      return done;
    });
    const again = await collect(second, "route", async (work) => ({ publish: deliverItems(work) }));
    await eventually(async () => assert.equal((await edge.waiting.counts()).route, 0));
    assert.equal(again.length, 8);
    hold.open();
    await eventually(() => nothingWaits(edge));
    assert.deepEqual(delivered.toSorted(), messages.toSorted());
  });

  test("one that kills its process is frozen, and takes no other with it", async (t) => {
    const { server, connect } = await startFleet(t, {}, { ackWaitMs: ACK_WAIT_MS });
    const bus = await connect();
    const messages = await publishTogether(bus, 10);
    const poison = messages[4] ?? "";
    const handled: string[] = [];
    const start = async () => {
      const child = fork(resolve(import.meta.dirname, "poisoned-child.ts"), [server.url, poison]);
      t.after(() => child.kill("SIGKILL"));
      child.on("message", (message) => handled.push((message as { handled: string }).handled));
      const died = once(child, "exit").then(() => true);
      const isOver = eventually(async () => assert.equal((await bus.waiting.counts()).route, 0)).then(() => false);
      return Promise.race([died, isOver]);
    };
    let deaths = 0;
    while (await start()) deaths++;
    assert.equal(deaths, 3);
    assert.deepEqual(await bus.waiting.counts(), { route: 0, deliver: 0, deferred: 0, frozen: 1 });
    assert.deepEqual([...new Set(handled)].toSorted(), messages.filter((id) => id !== poison).toSorted());
  });

  test("what is left of a bundle, when an operator has taken one out, is counted and listed once", async (t) => {
    const bus = await (await startFleet(t)).connect();
    // Something lies before it, so that the old place of the bundle is not the head of the stream.
    await bus.publish(routeItem(newMessageId()));
    const messages = await publishTogether(bus, 20);
    for (const id of messages.slice(5, 7)) assert.equal(await bus.waiting.remove(routeItem(id).id, [], []), true);
    assert.equal((await bus.waiting.counts()).route, 19);
    assert.equal((await bus.waiting.list({ limit: 100 })).length, 19);
  });

  test("what is left of it may have been routed before: it is looked up, and nothing is made twice", async (t) => {
    const { connect } = await startFleet(t, {}, { ackWaitMs: ACK_WAIT_MS });
    const [edge, first, second, delivery] = await Promise.all([connect(), connect(), connect(), connect()]);
    // By id: on a busy machine a lease may end before it is renewed, and an item comes once more.
    const taken = new Map<string, WorkItem>();
    await collect(first, "route", async (work) => {
      taken.set(work.id, work);
      return new Promise(() => {});
    });
    const messages = await publishTogether(edge, 8);
    await eventually(() => assert.equal(taken.size, 8));
    // It dies when all is published and nothing recorded.
    await Promise.all([...taken.values()].flatMap((work) => deliverItems(work)).map((item) => edge.publish(item)));
    await first.close();
    const delivered = await collect(delivery, "deliver", async () => done);
    await eventually(() => assert.equal(delivered.length, 8));
    assert.equal(await edge.waiting.freeze(routeItem(messages[7] ?? "").id, "to be looked at"), true);
    await collect(second, "route", async (work) => ({ publish: deliverItems(work) }));
    await eventually(async () => assert.equal((await edge.waiting.counts()).route, 0));
    // Thawed, it is looked up as well.
    assert.equal(await edge.waiting.takeNow(routeItem(messages[7] ?? "").id), true);
    await eventually(() => nothingWaits(edge));
    assert.equal(delivered.length, 8);
  });

  test("a router that was paused finds that another has done its work", async (t) => {
    const { server, connect } = await startFleet(t, {}, { ackWaitMs: ACK_WAIT_MS });
    const [edge, second, delivery] = await Promise.all([connect(), connect(), connect()]);
    const child = fork(resolve(import.meta.dirname, "routing-child.ts"), [server.url]);
    t.after(() => child.kill("SIGKILL"));
    const said: Record<string, unknown>[] = [];
    child.on("message", (message) => said.push(message as Record<string, unknown>));
    await eventually(() => assert.ok(said.some((message) => "ready" in message)));
    await publishTogether(edge, 8);
    await eventually(() => assert.equal(said.filter((message) => "took" in message).length, 8));
    child.kill("SIGSTOP");
    await collect(second, "route", async (work) => ({ publish: deliverItems(work) }));
    const delivered = await collect(delivery, "deliver", async () => done);
    await eventually(() => assert.equal(delivered.length, 8));
    await eventually(() => nothingWaits(edge));
    child.send("go");
    child.kill("SIGCONT");
    // What it makes of its items has had its time to do harm.
    const last = await publishTogether(edge, 1);
    await eventually(() => assert.equal(delivered.at(-1)?.messageId, last[0]));
    await eventually(() => nothingWaits(edge));
    assert.equal(delivered.length, 9);
  });

  test("a server that was killed has forgotten whom it gave what: an operator takes nothing out of hands", async (t) => {
    const { server, connect } = await startFleet(t);
    const [edge, holder, second] = await Promise.all([connect(), connect(), connect()]);
    const held = gate();
    const inHand = await collect(holder, "route", async () => {
      await held.opened;
      return done;
    });
    const messages = await publishTogether(edge, 8);
    await eventually(() => assert.equal(inHand.length, 8));
    await server.kill();
    await server.start();
    await eventually(async () => assert.equal((await edge.health()).ok, true));
    assert.equal(await edge.waiting.freeze(routeItem(messages[7] ?? "").id, "to be looked at"), false);
    const others = await collect(second, "route");
    held.open();
    await eventually(() => nothingWaits(edge));
    assert.equal(others.length, 0);
  });

  test("those that waited too long for a handler are handled side by side by whoever has time", async (t) => {
    const bus = await (await startFleet(t)).connect();
    let running = 0;
    let most = 0;
    await bus.consume("route", { concurrency: 10 }, async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 300));
      running--;
      return done;
    });
    await Promise.all(Array.from({ length: 5 }, () => publishTogether(bus, 60)));
    await eventually(async () => assert.ok((await bus.waiting.counts()).route < 200));
    // By now, bundles have gone back unhandled and have come again.
    most = 0;
    await eventually(async () => assert.ok((await bus.waiting.counts()).route < 100));
    assert.equal(most, 10);
  });
});
