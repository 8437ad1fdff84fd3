import assert from "node:assert/strict";
import { appendFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect as connectTo } from "@nats-io/transport-node";
import { deliverySubject } from "@postbus/contracts";
import type { Bus, Handler } from "../../src/index.ts";
import { takeSlots } from "../../src/nats/journal-slots.ts";
import { names } from "../../src/nats/topology.ts";
import {
  collect,
  completed,
  eventually,
  finish,
  gate,
  newMessageId,
  nothingWaits,
  record,
  routeAgain,
  routeItem,
  textsOf,
} from "../contract-items.ts";
import { type Fleet, skip, startFleet } from "./fleet.ts";

const workStream = names().work.deliver;
const topology = { ackWaitMs: 2_000 };

async function emptyDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "postbus-journal-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return join(directory, "outcomes");
}

async function publishOne(bus: Bus): Promise<string> {
  const messageId = newMessageId();
  await bus.publish(routeItem(messageId, { subject: deliverySubject("smtp", "example.org") }));
  return messageId;
}

/** A handler's work is done while the server dies, and then its process dies: it is recorded in the journal only. */
async function doAndDie({ connect, server }: Fleet, journal: string, handler: Handler): Promise<string> {
  const bus = await connect();
  await bus.consume("deliver", { concurrency: 1, journal }, async (work) => {
    await server.kill();
    return handler(work);
  });
  const messageId = await publishOne(bus);
  await eventually(async () => assert.match(await readFile(join(journal, "0/outcomes"), "utf8"), RegExp(messageId)));
  await bus.close();
  await server.start();
  return messageId;
}

const never: Handler = async () => assert.fail("handed out again");

describe("the journal of a consumer on NATS", { skip, concurrency: true }, () => {
  test("what was done while the server died, by a process that died too, is not done again", async (t) => {
    const journal = await emptyDirectory(t);
    const fleet = await startFleet(t, {}, topology);
    const messageId = await doAndDie(fleet, journal, finish);
    const bus = await fleet.connect();
    const events = await record(bus);
    await bus.consume("deliver", { concurrency: 1, journal }, never);
    await eventually(() => nothingWaits(bus));
    await eventually(() => assert.deepEqual(textsOf(events, messageId), ["msg:complete"]));
  });

  test("nor when the process that died had claimed the item", async (t) => {
    const journal = await emptyDirectory(t);
    const { server, connect } = await startFleet(t, {}, { ackWaitMs: 10_000 });
    const first = await connect();
    const entered = gate();
    await first.consume("deliver", { concurrency: 1, journal }, () => {
      entered.open();
      return new Promise(() => {}); // Dies in the midst of it.
    });
    const messageId = await publishOne(first);
    await entered.opened;
    // The server forgets who has what. Its holder finds that out, and claims it.
    await server.kill();
    await server.start();
    const connection = await connectTo({ servers: server.url });
    t.after(() => connection.close());
    const { streams } = await jetstreamManager(connection);
    const claim = { last_by_subj: `${names().subject}claim.item.${workStream}.1` };
    await eventually(async () => assert.ok(await streams.getMessage(names().claims, claim)));
    const outcome = { eventsIfComplete: [completed(messageId)] };
    const line = { id: routeItem(messageId).id, stream: workStream, seq: 1, outcome };
    await appendFile(join(journal, "0/outcomes"), `${JSON.stringify(line)}\n`);
    await first.close();

    const bus = await connect();
    const events = await record(bus);
    await bus.consume("deliver", { concurrency: 1, journal }, never);
    await eventually(() => assert.deepEqual(textsOf(events, messageId), ["msg:complete"]));
  });

  test("what followed from it is published with the content of the item", async (t) => {
    const journal = await emptyDirectory(t);
    const fleet = await startFleet(t, {}, topology);
    const messageId = await doAndDie(fleet, journal, async (work) => ({ publish: [routeAgain(work)] }));
    const bus = await fleet.connect();
    await bus.consume("deliver", { concurrency: 1, journal }, never);
    const [again] = await eventuallyOne(await collect(bus, "route"));
    assert.deepEqual(again?.content, routeItem(messageId).content);
    await eventually(() => nothingWaits(bus));
  });

  test("what somebody else has begun with by then is theirs", async (t) => {
    const journal = await emptyDirectory(t);
    const fleet = await startFleet(t, {}, topology);
    await doAndDie(fleet, journal, finish);
    const other = await fleet.connect();
    const entered = gate();
    const held = gate();
    await other.consume("deliver", { concurrency: 1 }, async (work) => {
      entered.open();
      await held.opened;
      assert.equal(work.isHeld(), true);
      return { publish: [routeAgain(work)] };
    });
    await entered.opened;
    const bus = await fleet.connect();
    await bus.consume("deliver", { concurrency: 1, journal }, never);
    held.open();
    assert.equal((await eventuallyOne(await collect(bus, "route"))).length, 1);
    await eventually(() => nothingWaits(bus));
  });

  test("lines of items that have ended, of nothing, and cut short do no harm", async (t) => {
    const journal = await emptyDirectory(t);
    const { connect } = await startFleet(t, {}, topology);
    const first = await connect();
    await first.consume("deliver", { concurrency: 1, journal }, finish);
    const ended = await publishOne(first);
    await eventually(() => nothingWaits(first));
    const path = join(journal, "0/outcomes");
    assert.match(await readFile(path, "utf8"), RegExp(ended));
    await first.close();
    const nothing = `${JSON.stringify({ id: "a", stream: workStream, seq: 7, outcome: {} })}\n{"id":"b","outcome":{}}\n`;
    await appendFile(path, `${nothing}{"id":`);

    const bus = await connect();
    const events = await record(bus);
    await bus.consume("deliver", { concurrency: 1, journal }, finish);
    const messageId = await publishOne(bus);
    await eventually(() => assert.deepEqual(textsOf(events, messageId), ["msg:complete"]));
    assert.deepEqual(textsOf(events, ended), ["msg:complete"]);
  });

  test("a directory that cannot be written keeps no mail back", async (t) => {
    const { connect } = await startFleet(t);
    const bus = await connect();
    await bus.consume("deliver", { concurrency: 1, journal: join(import.meta.filename, "below") }, finish);
    await publishOne(bus);
    await eventually(() => nothingWaits(bus));
  });
});

describe("takeSlots", () => {
  test("gives each process a slot of its own, and what the dead have left to the first who comes", async (t) => {
    const directory = await emptyDirectory(t);
    const [first] = await takeSlots(directory, "first");
    const [second, ...none] = await takeSlots(directory, "second");
    assert.deepEqual([first.path, second.path], [join(directory, "0/outcomes"), join(directory, "1/outcomes")]);
    assert.deepEqual(none, []);
    first.lock.release();
    second.lock.release();
    const all = await takeSlots(directory, "third");
    const found = all.map(({ path, dead }) => [path, dead]).sort();
    assert.deepEqual(found, [
      [first.path, "first"],
      [second.path, "second"],
    ]);
    for (const { lock } of all) lock.release();
    const again = await takeSlots(directory, "fourth");
    assert.deepEqual(again.map(({ dead }) => dead).sort(), ["second", "third"]);
    for (const { lock } of again) lock.release();
  });
});

async function eventuallyOne<T>(list: readonly T[]): Promise<readonly T[]> {
  await eventually(() => assert.equal(list.length, 1));
  return list;
}
