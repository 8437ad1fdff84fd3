/** A process that takes route items, says so, and returns what comes of them when it is told: `node routing-child.ts <url>`. */
import { connectNatsBus } from "../../src/index.ts";
import { deliverItems } from "../contract-items.ts";

const bus = await connectNatsBus({ servers: [process.argv[2] ?? ""], durability: "r1-sync-always" });
const told = new Promise<void>((resolve) => process.once("message", () => resolve()));
await bus.consume("route", { concurrency: 20 }, async (work) => {
  process.send?.({ took: work.messageId });
  await told;
  return { publish: deliverItems(work) };
});
process.send?.({ ready: true });
