import { appendFileSync, readFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { isMainThread } from "node:worker_threads";

/*
 * Preloaded into a program (`--import`), or run alone as a control: appends a line for each stretch of time to the file that
 * POSTBUS_TEST_LOOP names: until when it was (milliseconds since the epoch), the longest that the event loop stood still, and how
 * long its thread was ready and had no processor, in all.
 */

const STRETCH_MS = 250;
const RESOLUTION_MS = 5;

const file = process.env["POSTBUS_TEST_LOOP"];
if (file !== undefined && isMainThread) {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  let before = waited();
  const timer = setInterval(() => {
    const now = waited();
    appendFileSync(file, `${Date.now()} ${Math.max(0, delay.max / 1e6 - RESOLUTION_MS)} ${now - before}\n`);
    before = now;
    delay.reset();
  }, STRETCH_MS);
  if (process.argv[1] !== import.meta.filename) timer.unref();
}

/** Milliseconds in the line of those who want a processor (Linux); elsewhere nobody knows, and it counts as none. */
function waited(): number {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, "latin1").split(" ")[1]) / 1e6;
  } catch {
    return 0;
  }
}
