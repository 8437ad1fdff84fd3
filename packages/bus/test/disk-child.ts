import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BusFullError, openEmbeddedBus } from "../src/index.ts";
import { collect, eventually, newMessageId, nothingWaits, routeItem } from "./contract-items.ts";

/**
 * Runs on a disk of its own, which it may fill.
 *
 *     node disk-child.ts open <directory>              opens and closes the bus
 *     node disk-child.ts fill <directory> <reserve>    publishes until the bus is full, then makes room and handles all
 */
const [what, root = "", reserve = "0"] = process.argv.slice(2);
const directory = join(root, "bus");
try {
  if (what === "fill") await fill(Number(reserve));
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
      else if (result.reason instanceof BusFullError) isFull = true;
      else throw result.reason;
    }
  }
  if (reserveOctets > 0 && (await bus.health()).ok) throw new Error("a full bus says that it is well");
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
