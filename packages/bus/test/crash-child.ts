import { appendFileSync } from "node:fs";
import { nextItemId } from "@postbus/contracts";
import { DeferError } from "@postbus/mail";
import { openEmbeddedBus } from "../src/index.ts";
import { completed, deliverItems, newMessageId, noted, routeAgain, routeItem } from "./contract-items.ts";

/**
 * A process to be killed: publishes and handles messages as fast as it can and writes down what the bus told it.
 *
 *     node crash-child.ts <directory> <log> [publishers]
 *
 * With 0 publishers it brings what is there to its end and leaves.
 */
const [directory = "", log = "", publishers = "20"] = process.argv.slice(2);
const bus = await openEmbeddedBus({ directory, failurePausesMs: [10] });

/** Synchronously: a line that was written is there after SIGKILL. */
const say = (what: string, messageId: string): void => appendFileSync(log, `${what} ${messageId}\n`);

await bus.events.follow({ after: "end" }, async ({ events }) => {
  for (const event of events) if (event.name === "msg:complete") say("complete", event.messageId);
});

await bus.consume("route", { concurrency: 20 }, async (work) => {
  const parts = 1 + (work.id.length % 3);
  const items = deliverItems(work, parts);
  // Every third goes through the deferred items.
  if (parts === 3)
    items.splice(0, 1, { ...routeAgain(work), id: nextItemId(work.id, 0, 3), notBeforeMs: Date.now() + 30 });
  return { publish: items, eventsIfComplete: [completed(work.messageId)] };
});

await bus.consume("deliver", { concurrency: 20 }, async (work) => {
  say("handle", work.messageId);
  await new Promise(setImmediate);
  return { events: [noted(work.messageId, "delivered")], eventsIfComplete: [completed(work.messageId)] };
});

async function publishForEver(): Promise<never> {
  for (;;) {
    const messageId = newMessageId();
    try {
      await bus.publish(routeItem(messageId, { content: { kind: "inline", octets: Buffer.alloc(4096, messageId) } }));
      say("ack", messageId);
    } catch (err) {
      if (!(err instanceof DeferError)) throw err;
      say("refused", messageId);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

process.send?.("ready");
if (publishers !== "0") await Promise.all(Array.from({ length: Number(publishers) }, publishForEver));
for (;;) {
  const { route, deliver, deferred } = await bus.waiting.counts();
  if (route + deliver + deferred === 0) break;
  await new Promise((resolve) => setTimeout(resolve, 10));
}
await bus.close();
process.disconnect?.();
