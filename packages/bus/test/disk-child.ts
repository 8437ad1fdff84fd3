import assert from "node:assert/strict";
import { open, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BusFullError, openEmbeddedBus, type WorkItem } from "../src/index.ts";
import { collect, eventually, newMessageId, nothingWaits, routeItem } from "./contract-items.ts";

/**
 * Runs on a disk of its own, which it may fill.
 *
 *     node disk-child.ts open <directory>              opens and closes the bus
 *     node disk-child.ts drain <directory>             fills it with something else, opens the bus twice and handles all
 *     node disk-child.ts fill <directory> <reserve>    publishes until the bus is full, then makes room and handles all
 */
const [what, root = "", reserve = "0"] = process.argv.slice(2);
const directory = join(root, "bus");
try {
  if (what === "fill") await fill(Number(reserve));
  else if (what === "drain") await drain();
  else await (await openEmbeddedBus({ directory })).close();
  process.stdout.write("ok\n");
} catch (err) {
  process.stdout.write(err instanceof Error ? `${err.name}: ${err.message}\n` : String(err));
}

async function fill(reserveOctets: number): Promise<void> {
  const ballast = join(root, "ballast");
  await writeFile(ballast, Buffer.alloc(2_000_000));
  const bus = await openEmbeddedBus({ directory, reserveOctets });
  const content = { kind: "inline", octets: Buffer.alloc(50_000) } as const;
  const stored = new Set<string>();
  for (let isFull = false; !isFull; ) {
    const messageIds = Array.from({ length: 10 }, newMessageId);
    const results = await Promise.allSettled(
      messageIds.map((messageId) => bus.publish(routeItem(messageId, { content }))),
    );
    for (const [i, result] of results.entries()) {
      if (result.status === "fulfilled") stored.add(messageIds[i] ?? "");
      else if (!(result.reason instanceof BusFullError)) throw result.reason;
      // What is settled meanwhile may make room for some more.
      else isFull = reserveOctets === 0 || !(await bus.health()).ok;
    }
  }
  // Ends of work that find no room are tried again until there is some.
  const seen = await collect(bus, "route");
  await eventually(() => {
    if (seen.length === 0) throw new Error("nothing is handed out");
  });
  await rm(ballast);
  await eventually(() => nothingWaits(bus));
  await eventually(() => bus.publish(routeItem(newMessageId(), { content })));
  await eventually(() => nothingWaits(bus));
  for (const { messageId } of seen) stored.delete(messageId);
  if (stored.size > 0) throw new Error(`${stored.size} messages were acknowledged and are lost`);
  if (new Set(seen.map((work) => work.id)).size !== seen.length) throw new Error("an item was handled twice");
  await bus.close();
}

async function drain(): Promise<void> {
  const full = await openEmbeddedBus({ directory, reserveOctets: 0 });
  const octets = Buffer.alloc(50_000);
  const stored = await Promise.all(
    Array.from({ length: 300 }, async () => {
      const messageId = newMessageId();
      await full.publish(routeItem(messageId, { content: { kind: "inline", octets } }));
      return messageId;
    }),
  );
  await eventually(() => stat(join(directory, "reserve")));
  await fillUp(join(root, "filler"));
  const refused = await Promise.all(
    Array.from({ length: 400 }, () =>
      full.publish(routeItem(newMessageId(), { content: { kind: "inline", octets } })).then(
        () => false,
        (err: unknown) => err instanceof BusFullError,
      ),
    ),
  );
  await eventually(async () => {
    await assert.rejects(
      full.publish(routeItem(newMessageId(), { content: { kind: "inline", octets } })),
      BusFullError,
    );
  });
  const first: WorkItem[] = [];
  const never = new Promise<never>(() => {});
  await full.consume("route", { concurrency: 10 }, async (work) => {
    if (first.length >= 150) return never;
    first.push(work);
    return {};
  });
  await eventually(() => {
    if (first.length < 150) throw new Error("too few are handed out");
  });
  await full.close();
  const again = await openEmbeddedBus({ directory, reserveOctets: 0 });
  const second = await collect(again, "route");
  await eventually(() => nothingWaits(again));
  const seen = new Set([...first, ...second].map(({ messageId }) => messageId));
  const lost = stored.filter((messageId) => !seen.has(messageId));
  if (lost.length > 0) throw new Error(`${lost.length} messages were acknowledged and are lost`);
  const accepted = refused.filter((isRefused) => !isRefused).length;
  if (seen.size < stored.length + accepted) throw new Error(`${stored.length + accepted - seen.size} are missing`);
  await rm(join(root, "filler"));
  await eventually(() => again.publish(routeItem(newMessageId(), { content: { kind: "inline", octets } })));
  await again.close();
}

/** To the last octet. */
async function fillUp(path: string): Promise<void> {
  const file = await open(path, "w");
  for (const part of [1_000_000, 4_096, 1]) {
    try {
      for (;;) await file.write(Buffer.alloc(part));
    } catch (err) {
      if (!(err instanceof Error && "code" in err && err.code === "ENOSPC")) throw err;
    }
  }
  await file.close();
}
