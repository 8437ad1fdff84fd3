import assert from "node:assert/strict";
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { deliverySubject } from "@postbus/contracts";
import type { Bus, Handler } from "../../src/index.ts";
import { JournalDirectory } from "../../src/nats/journal-directory.ts";
import {
  collect,
  done,
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

const topology = { ackWaitMs: 2_000 };

async function emptyDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "postbus-journal-"));
  // What writes there is stopped by a later hook.
  t.after(() => rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }));
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

  test("nor by another process that shares the directory", async (t) => {
    const journal = await emptyDirectory(t);
    const { server, connect } = await startFleet(t, {}, topology);
    const [first, other] = await Promise.all([connect(), connect()]);
    const entered = gate();
    const shared = gate();
    await first.consume("deliver", { concurrency: 1, journal }, async (work) => {
      entered.open();
      await shared.opened;
      await server.kill();
      return finish(work);
    });
    const messageId = await publishOne(first);
    await entered.opened;
    await other.consume("deliver", { concurrency: 1, journal }, never);
    const events = await record(other);
    shared.open();
    await eventually(async () => assert.match(await readFile(join(journal, "0/outcomes"), "utf8"), RegExp(messageId)));
    await first.close();
    await server.start();
    await eventually(() => assert.deepEqual(textsOf(events, messageId), ["msg:complete"]));
    await eventually(() => nothingWaits(other));
  });

  test("what was only noted is known to whoever gets the item next", async (t) => {
    const journal = await emptyDirectory(t);
    const { connect } = await startFleet(t, {}, topology);
    const [first, other] = await Promise.all([connect(), connect()]);
    const entered = gate();
    await first.consume("deliver", { concurrency: 1, journal }, async (work) => {
      work.remember({ n: 1 });
      entered.open();
      return new Promise(() => {});
    });
    await publishOne(first);
    await entered.opened;
    const remembered: unknown[] = [];
    await other.consume("deliver", { concurrency: 1, journal }, async (work) => {
      remembered.push(work.remembered);
      return done;
    });
    await first.close();
    await eventually(() => assert.deepEqual(remembered, [{ n: 1 }]));
    await eventually(() => nothingWaits(other));
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
    await first.close();
    const path = join(journal, "0/outcomes");
    assert.equal(await readFile(path, "utf8"), "");
    await appendFile(path, '{"id":"b"}\n{"id":');

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

describe("JournalDirectory", () => {
  const work = ["item", "message"] as const;
  const content = { kind: "inline", octets: Buffer.from("") } as const;

  test("each process has a slot of its own, and sees what others have not ended", async (t) => {
    const directory = await emptyDirectory(t);
    const [first, second] = [await JournalDirectory.open(directory), await JournalDirectory.open(directory)];
    t.after(() => second.close());
    assert.equal(first.left(...work, content), undefined);
    first.write(...work, done);
    first.write("other item", "message", done);
    assert.deepEqual([...(await second.elsewhere(["item", "unknown"])).keys()], ["item"]);
    first.end("item");
    await eventually(async () => assert.equal((await second.elsewhere(["item"])).size, 0));
    first.close();
    assert.deepEqual([...(await second.elsewhere(["item", "other item"])).keys()], ["other item"]);
    const next = await JournalDirectory.open(directory);
    t.after(() => next.close());
    assert.equal(next.left(...work, content), undefined);
    assert.notEqual(next.left("other item", "message", content), undefined);
  });

  test("a slot that cannot be used is left out", async (t) => {
    const directory = await emptyDirectory(t);
    await mkdir(join(directory, "0"), { recursive: true });
    await writeFile(join(directory, "0/lock"), "no database at all, but long enough to be looked at".repeat(100));
    const journal = await JournalDirectory.open(directory);
    t.after(() => journal.close());
    journal.write(...work, done);
    assert.match(await readFile(join(directory, "1/outcomes"), "utf8"), /"item"/);
  });
});

async function eventuallyOne<T>(list: readonly T[]): Promise<readonly T[]> {
  await eventually(() => assert.equal(list.length, 1));
  return list;
}
