/** A process that takes a delivery item, says so, waits to be told, and then sends if it still may. */
import { connectNatsBus } from "../../src/index.ts";

const bus = await connectNatsBus({ servers: [process.argv[2] ?? ""], durability: "r1-sync-always" });
const told = new Promise<void>((resolve) => process.once("message", () => resolve()));
await bus.consume("deliver", { concurrency: 4 }, async (work) => {
  process.send?.({ took: work.messageId });
  await told;
  process.send?.({ sent: work.isHeld() });
  // As if nothing had happened: the bus must not believe it.
  return {};
});
process.send?.({ ready: true });
