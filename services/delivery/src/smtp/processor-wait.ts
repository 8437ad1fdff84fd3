import { openSync, readSync } from "node:fs";

const TEXT = Buffer.alloc(64);
let file: number | undefined;

/**
 * How long this thread has waited for a processor so far, milliseconds: what takes long meanwhile is not a peer's doing. 0 where
 * the system does not say (`/proc/thread-self/schedstat`: time on a processor, time in the run queue, in nanoseconds).
 */
export function processorWaitMs(): number {
  try {
    file ??= openSync("/proc/thread-self/schedstat", "r");
    const length = readSync(file, TEXT, 0, TEXT.length, 0);
    return Number(TEXT.toString("latin1", 0, length).split(" ")[1] ?? 0) / 1e6;
  } catch {
    return 0;
  }
}
