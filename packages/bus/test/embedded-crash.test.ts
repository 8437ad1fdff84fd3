import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { openEmbeddedBus } from "../src/index.ts";
import { collect, eventually, newMessageId, record, routeItem, textsOf } from "./contract-items.ts";
import { nothingIsLost, runCrashChild } from "./crash-record.ts";

const KILLS = process.env["POSTBUS_LONG_TESTS"] === "1" ? 200 : 10;
/** A process lives so long after it is ready, at most. */
const LIFE_MS = 250;

async function emptyDirectory(t: TestContext): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "postbus-crash-"));
  // What writes there is stopped by a later hook.
  t.after(() => rm(root, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }));
  return root;
}

test(`after ${KILLS} × kill -9 nothing acknowledged is lost and nothing finished comes back`, async (t) => {
  const root = await emptyDirectory(t);
  for (let i = 0; i < KILLS; i++) {
    const { signal } = await runCrashChild(root, { publishers: 20, lifeMs: Math.random() * LIFE_MS });
    assert.equal(signal, "SIGKILL");
  }
  assert.ok((await nothingIsLost(t, root)) > KILLS, "hardly anything was published");
});

/** Runs a process that a handler ends. */
async function dieAtWork(root: string, how: "kill" | "crash"): Promise<void> {
  const child = fork(join(import.meta.dirname, "suicide-child.ts"), [join(root, "bus"), how], { stdio: "ignore" });
  const [code, signal] = await once(child, "exit");
  assert.deepEqual([code, signal], how === "kill" ? [null, "SIGKILL"] : [1, null]);
}

test("an item that was in work when the process died says so when it is handed out again", async (t) => {
  const root = await emptyDirectory(t);
  const first = await openEmbeddedBus({ directory: join(root, "bus") });
  await first.publish(routeItem(newMessageId()));
  await first.close();
  await dieAtWork(root, "kill");
  const bus = await openEmbeddedBus({ directory: join(root, "bus") });
  t.after(() => bus.close());
  const untouched = newMessageId();
  await bus.publish(routeItem(untouched));
  const seen = await collect(bus, "route");
  await eventually(() => assert.equal(seen.length, 2));
  for (const work of seen) assert.equal(work.handedOut, work.messageId === untouched ? 1 : 2);
});

test("an item that crashes the process three times is frozen, and the process lives", async (t) => {
  const root = await emptyDirectory(t);
  const first = await openEmbeddedBus({ directory: join(root, "bus") });
  const messageId = newMessageId();
  await first.publish(routeItem(messageId));
  await first.close();
  for (let crashes = 0; crashes < 3; crashes++) await dieAtWork(root, "crash");
  const bus = await openEmbeddedBus({ directory: join(root, "bus") });
  t.after(() => bus.close());
  const seen = await collect(bus, "route");
  await eventually(async () => assert.equal((await bus.waiting.counts()).frozen, 1));
  const [frozen] = await bus.waiting.ofMessage(messageId);
  assert.match(frozen?.reason ?? "", /again and again when the process died/);
  const events = await record(bus);
  await eventually(() => assert.deepEqual(textsOf(events, messageId), ["msg:frozen"]));
  assert.deepEqual(seen, []);
});
