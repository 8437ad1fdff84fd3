import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { startNatsCluster } from "@postbus/testkit";
import { connectNatsBus, MAX_HANDLER_FAILURES, provisionNats } from "../../src/index.ts";
import {
  collect,
  completed,
  deliverItems,
  done,
  eventually,
  newMessageId,
  nothingWaits,
  record,
  routeItem,
  textsOf,
} from "../contract-items.ts";
import { EVENTS_OCTETS, skip, startFleet } from "./fleet.ts";

describe("commits on NATS", { skip }, () => {
  test("one repeated id in an atomic batch takes nobody else with it", async (t) => {
    const bus = await (await startFleet(t)).connect();
    const known = routeItem(newMessageId());
    await bus.publish(known);
    const others = Array.from({ length: 60 }, newMessageId);
    await Promise.all(
      [...others.slice(0, 30).map((id) => bus.publish(routeItem(id))), bus.publish(known)].concat(
        others.slice(30).map((id) => bus.publish(routeItem(id))),
      ),
    );
    const seen = await collect(bus, "route");
    await eventually(() => nothingWaits(bus));
    assert.deepEqual(seen.map(({ messageId }) => messageId).toSorted(), [known.messageId, ...others].toSorted());
  });

  test("an item that the server would not take is an error at once, and harms no connection", async (t) => {
    const bus = await (await startFleet(t)).connect();
    const header = { text: "x".repeat(1024 ** 2) };
    await assert.rejects(bus.publish(routeItem(newMessageId(), { header })), /the server takes 1048576/);
    await bus.publish(routeItem(newMessageId()));
    assert.equal((await bus.waiting.counts()).route, 1);
  });

  test("an item that was frozen as poisonous is handled when it is thawed", async (t) => {
    const bus = await (await startFleet(t)).connect();
    const events = await record(bus);
    let failures = 0;
    await collect(bus, "route", async (work) => {
      if (++failures <= MAX_HANDLER_FAILURES) throw new Error("not yet");
      return { eventsIfComplete: [completed(work.messageId)] };
    });
    const item = routeItem(newMessageId());
    await bus.publish(item);
    await eventually(async () => assert.equal((await bus.waiting.counts()).frozen, 1));
    assert.equal(await bus.waiting.takeNow(item.id), true);
    await eventually(() => assert.deepEqual(textsOf(events, item.messageId), ["msg:frozen", "msg:complete"]));
    await eventually(() => nothingWaits(bus));
  });

  test("three servers, one replica each: the loss of a leader loses nothing, and needs nobody's help", async (t) => {
    const cluster = await startNatsCluster(3);
    const options = { servers: cluster.urls, replicas: 3, eventsMaxOctets: EVENTS_OCTETS, ackWaitMs: 3_000 };
    t.after(() => cluster.stop());
    await eventually(() => provisionNats(options));
    const bus = await connectNatsBus({
      ...options,
      // On a busy machine the election of a leader takes longer than a client is kept waiting.
      publishBudgetMs: 60_000,
      onProblem: (what, err) => t.diagnostic(`${what}: ${err}`),
    });
    t.after(() => bus.close());
    const sent = new Map<string, number>();
    await bus.consume("route", { concurrency: 20 }, async (work) => ({ publish: deliverItems(work) }));
    await bus.consume("deliver", { concurrency: 20 }, async ({ messageId }) => {
      sent.set(messageId, (sent.get(messageId) ?? 0) + 1);
      return done;
    });
    const messages = Array.from({ length: 300 }, newMessageId);
    const publish = (from: number, to: number) =>
      Promise.all(messages.slice(from, to).map((id) => bus.publish(routeItem(id))));
    await publish(0, 100);
    const connection = await connect({ servers: [...cluster.urls] });
    const info = await (await jetstreamManager(connection)).streams.info("MAIL_ROUTE");
    await connection.close();
    const leader = cluster.servers[Number(info.cluster?.leader?.slice(1)) - 1];
    assert.ok(leader);
    const publishing = publish(100, 300);
    await leader.kill();
    await publishing;
    await leader.start();
    await eventually(() => nothingWaits(bus));
    assert.deepEqual([...sent.keys()].toSorted(), messages.toSorted());
    assert.deepEqual([...new Set(sent.values())], [1]);
  });
});
