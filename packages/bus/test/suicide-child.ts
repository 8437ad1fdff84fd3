import { openEmbeddedBus } from "../src/index.ts";

/** A process that the first work item ends: `node suicide-child.ts <directory> kill|crash`. */
const [directory = "", how] = process.argv.slice(2);
const bus = await openEmbeddedBus({ directory });
await bus.consume("route", { concurrency: 1 }, async () => {
  if (how === "kill") process.kill(process.pid, "SIGKILL");
  // Where no handler's promise can catch it.
  setImmediate(() => {
    throw new Error("poison");
  });
  return new Promise(() => {});
});
