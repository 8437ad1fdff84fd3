import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { outgoing } from "../src/embedded/stored-item.ts";
import { takeTables } from "../src/embedded/tables-name.ts";
import { openEmbeddedBus } from "../src/index.ts";
import { done, eventually, newMessageId, routeItem } from "./contract-items.ts";
import { openStore } from "./embedded/open-store.ts";

const ITEMS = process.env["POSTBUS_LONG_TESTS"] === "1" ? 1_000_000 : 200_000;
const BATCH = 10_000;
const CONTENT = Buffer.alloc(300, "0123456789abcde\n");
/** The promise of the specification, for a million. */
const MAX_OPENING_MS = 5_000;
const MAX_MEMORY_OCTETS = 64 * 1024 * 1024;

test(`${ITEMS} waiting items are opened at once, in bounded memory, and do not stand before new mail`, async (t) => {
  const root = await mkdtemp(join(tmpdir(), "postbus-backlog-"));
  // What writes there is stopped by a later hook.
  t.after(() => rm(root, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }));
  const directory = join(root, "bus");
  await (await openEmbeddedBus({ directory })).close();
  await fill(directory);

  const memory = (): number => process.memoryUsage().heapUsed + process.memoryUsage().external;
  const before = memory();
  const startedAt = performance.now();
  const bus = await openEmbeddedBus({ directory });
  t.after(() => bus.close());
  const openedMs = performance.now() - startedAt;
  assert.equal((await bus.waiting.counts()).route, ITEMS);
  assert.ok(openedMs < MAX_OPENING_MS, `${openedMs} ms`);

  let handled = 0;
  let newest: string | undefined;
  let newestAfter = 0;
  const seen = new Set<string>();
  const subscription = await bus.consume("route", { concurrency: 50 }, async (work) => {
    handled++;
    if (work.messageId === newest) newestAfter = handled;
    assert.ok(!seen.has(work.id), "handed out twice");
    seen.add(work.id);
    return done;
  });
  await eventually(() => assert.ok(handled > 1_000));
  const handledBefore = handled;
  newest = newMessageId();
  await bus.publish(routeItem(newest));
  await eventually(() => assert.notEqual(newestAfter, 0));
  assert.ok(newestAfter - handledBefore < 5_000, `after ${newestAfter - handledBefore} others`);
  await subscription.drain();
  assert.equal((await bus.waiting.counts()).route, ITEMS + 1 - handled);
  assert.ok(memory() - before < MAX_MEMORY_OCTETS, `${memory() - before} octets`);
  t.diagnostic(`opened in ${Math.round(openedMs)} ms, ${Math.round((memory() - before) / 1e6)} MB more`);
});

/** Not through the bus, which would take a few times as long. */
async function fill(directory: string): Promise<void> {
  takeTables(directory);
  const store = openStore(directory);
  for (let at = 0; at < ITEMS; at += BATCH) {
    await store.batch(() => {
      for (let i = 0; i < BATCH; i++) {
        const { publication, json } = outgoing(
          routeItem(newMessageId(), { content: { kind: "inline", octets: CONTENT } }),
        );
        store.tables.ready.route.write(publication.id, json);
        store.tables.content.write(publication.messageId, CONTENT);
      }
    });
  }
  await store.close();
}
