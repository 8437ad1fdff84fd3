import assert from "node:assert/strict";
import { once } from "node:events";
import { appendFile, mkdir, mkdtemp, rm, rmdir, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Completed, type Content, deliverySubject, firstItemId } from "@postbus/contracts";
import { type Outcome, openEmbeddedBus } from "../src/index.ts";
import { OutcomeJournal } from "../src/outcome-journal.ts";

async function emptyDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "postbus-outcomes-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

const messageId = "1vMhGf-00000000012-0Ab3";
const item = firstItemId(messageId);
const content: Content = { kind: "inline", octets: Buffer.from("Subject: x\r\n\r\n") };
const completed: Completed = { v: 1, id: "e", atMs: 1, service: "delivery", messageId, name: "msg:complete" };
const outcome: Outcome = {
  publish: [{ subject: "mail.route.0", id: `${item}x`, messageId, header: { a: 1 }, content, notBeforeMs: 5 }],
  events: [],
  eventsIfComplete: [completed],
};
const bounceOf = (id: string) => ({
  subject: "mail.route.0",
  id: `${id}_0_0`,
  messageId: id,
  header: { returnPath: "" },
});
const pathIn = (directory: string): string => join(directory, "outcomes");

test("an outcome that no commit stored is there in the next process, with the item's content", async (t) => {
  const directory = await emptyDirectory(t);
  new OutcomeJournal({ path: pathIn(directory), counts: () => true }).write(item, messageId, outcome);
  const next = new OutcomeJournal({ path: pathIn(directory), counts: () => true });
  assert.deepEqual(next.left(item, messageId, content), { outcome });
  next.end(item);
  assert.equal(next.left(item, messageId, content), undefined);
});

test("an item whose end was stored is not remembered", async (t) => {
  const directory = await emptyDirectory(t);
  new OutcomeJournal({ path: pathIn(directory), counts: () => true }).write(item, messageId, outcome);
  assert.equal(
    new OutcomeJournal({ path: pathIn(directory), counts: () => false }).left(item, messageId, content),
    undefined,
  );
});

test("a message that it begins is kept with its content, every octet", async (t) => {
  const directory = await emptyDirectory(t);
  const octets = Buffer.from(Array.from({ length: 256 }, (_, octet) => octet));
  const publish = [{ ...bounceOf("b"), content: { kind: "inline", octets } as const }, ...(outcome.publish ?? [])];
  new OutcomeJournal({ path: pathIn(directory), counts: () => true }).write(item, messageId, { publish });
  const left = new OutcomeJournal({ path: pathIn(directory), counts: () => true }).left(item, messageId, content);
  assert.deepEqual(left?.outcome?.publish, publish);
});

test("what a handler has noted on the way is there until its outcome is, and until that is stored", async (t) => {
  const directory = await emptyDirectory(t);
  const options = { path: pathIn(directory), counts: () => true };
  const left = () => new OutcomeJournal(options).left(item, messageId, content);
  new OutcomeJournal(options).remember(item, { results: ["é"] });
  assert.deepEqual(left(), { done: { results: ["é"] } });
  // What it begins is too large to be kept with it: what was done before counts.
  const spooled = { kind: "spooled", id: "b", size: 1, sha256: "0" } as const;
  new OutcomeJournal(options).write(item, messageId, { publish: [{ ...bounceOf("b"), content: spooled }] });
  assert.deepEqual(left(), { done: { results: ["é"] } });
  new OutcomeJournal(options).write(item, messageId, outcome);
  assert.deepEqual(left(), { outcome });
  new OutcomeJournal(options).remember("large", { text: "x".repeat(2 * 1024 * 1024) });
  assert.equal(new OutcomeJournal(options).left("large", messageId, content), undefined);
});

test("what begins large messages is done again", async (t) => {
  const half = { kind: "inline", octets: Buffer.alloc(33 * 1024) } as const;
  const spooled = { kind: "spooled", id: "b", size: 1, sha256: "0" } as const;
  for (const contents of [[half, half], [spooled]]) {
    const directory = await emptyDirectory(t);
    const publish = contents.map((each, n) => {
      return { subject: "mail.route.0", id: `b_0_${n}`, messageId: `b${n}`, header: {}, content: each };
    });
    new OutcomeJournal({ path: pathIn(directory), counts: () => true }).write(item, messageId, { publish });
    const left = new OutcomeJournal({ path: pathIn(directory), counts: () => true }).left(item, messageId, content);
    assert.equal(left, undefined);
  }
});

test("a line that was cut short is none, and those before it count", async (t) => {
  const directory = await emptyDirectory(t);
  new OutcomeJournal({ path: pathIn(directory), counts: () => true }).write(item, messageId, outcome);
  for (const rest of ['{"id":"y","outc', '{"id":"z"}', "\n{}}\n"]) await appendFile(join(directory, "outcomes"), rest);
  assert.notEqual(
    new OutcomeJournal({ path: pathIn(directory), counts: () => true }).left(item, messageId, content),
    undefined,
  );
  assert.equal(
    new OutcomeJournal({ path: pathIn(directory), counts: () => true }).left("y", messageId, content),
    undefined,
  );
});

test("the file does not grow without bound", async (t) => {
  const directory = await emptyDirectory(t);
  const journal = new OutcomeJournal({ path: pathIn(directory), counts: () => true });
  const big: Outcome = { events: [{ ...completed, id: "e".repeat(100_000) }] };
  for (let i = 0; i < 200; i++) {
    journal.write(`i${i}`, messageId, big);
    if (i !== 100) journal.end(`i${i}`);
  }
  assert.ok((await stat(pathIn(directory))).size < 1_500_000);
  journal.close();
  const next = new OutcomeJournal({ path: pathIn(directory), counts: () => true });
  assert.notEqual(next.left("i100", messageId, content), undefined);
});

test("lines are kept while the file cannot be written anew", async (t) => {
  const directory = await emptyDirectory(t);
  const path = pathIn(directory);
  const journal = new OutcomeJournal({ path, counts: () => true });
  await mkdir(`${path}.new`);
  const big: Outcome = { events: [{ ...completed, id: "e".repeat(100_000) }] };
  for (let i = 0; i < 50; i++) {
    journal.write(`i${i}`, messageId, big);
    if (i !== 40) journal.end(`i${i}`);
  }
  await rmdir(`${path}.new`);
  assert.notEqual(
    new OutcomeJournal({ path, counts: (id) => id === "i40" }).left("i40", messageId, content),
    undefined,
  );
  journal.close();
});

test("the bus commits what was left instead of handing the item out again", async (t) => {
  const directory = join(await emptyDirectory(t), "bus");
  const first = await openEmbeddedBus({ directory });
  await first.publish({ subject: deliverySubject("smtp", "a.test"), id: item, messageId, header: {}, content });
  await first.close();
  const line = JSON.stringify({ id: item, outcome: { events: [], eventsIfComplete: [completed] } });
  await writeFile(join(directory, "outcomes"), `${line}\n`);

  const bus = await openEmbeddedBus({ directory });
  t.after(() => bus.close());
  const seen = new EventTarget();
  const done = once(seen, "event", { signal: AbortSignal.timeout(60_000) });
  await bus.events.follow({}, async ({ events }) => {
    if (events.some(({ name }) => name === "msg:complete")) seen.dispatchEvent(new Event("event"));
  });
  await bus.consume("deliver", { concurrency: 1 }, async () => assert.fail("handed out again"));
  await done;
  assert.deepEqual(await bus.waiting.counts(), { route: 0, deliver: 0, deferred: 0, frozen: 0 });
});
