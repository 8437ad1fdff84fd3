import type { History, HistoryReader } from "@postbus/history";
import { openHistory } from "@postbus/history";
import { pino } from "pino";
import { EventReader } from "../../src/event-reader.ts";
import { settingsIn } from "../default-style.ts";
import { numberedEventLog } from "../numbered-events.ts";

/**
 * Writes numbered events and dies by SIGKILL at the point that it was told: arguments DIRECTORY, TOTAL, POINT,
 * BATCHES. Prints `done` when all is written.
 */
const [directory = "", total = "0", point = "never", batches = "0"] = process.argv.slice(2);
const history = await openHistory({ directory });
let left = Number(batches);

function dying(reader: HistoryReader): HistoryReader {
  return {
    resume: reader.resume,
    async append(events, appended) {
      const isTheOne = events.length > 0 && left-- === 0;
      // The files are written, the commit is not even asked for.
      if (isTheOne && point === "before commit") process.kill(process.pid, "SIGKILL");
      const committing = reader.append(events, appended);
      if (isTheOne && point === "in commit") process.kill(process.pid, "SIGKILL");
      await committing;
      if (isTheOne && point === "after commit") process.kill(process.pid, "SIGKILL");
    },
  };
}

new EventReader({
  events: numberedEventLog(Number(total)),
  history: { openReader: async (name: string) => dying(await history.openReader(name)) } as History,
  name: "logger",
  settings: settingsIn(directory),
  log: pino({ level: "error" }, pino.destination(2)),
  batchIntervalMs: 0,
  onBatch: ({ position }) => {
    if (position === total) process.stdout.write("done\n");
  },
});
