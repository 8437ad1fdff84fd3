/** A process that the message named in its header kills; it handles all others: `node poisoned-child.ts <url> <message>`. */
import { connectNatsBus } from "../../src/index.ts";

const [url = "", poison = ""] = process.argv.slice(2);
const bus = await connectNatsBus({ servers: [url], durability: "r1-sync-always" });
await bus.consume("route", { concurrency: 20 }, async ({ messageId }) => {
  if (messageId === poison) process.kill(process.pid, "SIGKILL");
  process.send?.({ handled: messageId });
  return {};
});
