import { readFileSync } from "node:fs";
import { loadavg, totalmem } from "node:os";
import { getHeapStatistics } from "node:v8";

/** How busy this process is. */
export interface LoadReading {
  /** Milliseconds that the event loop was late on average since the last reading: so long a client waits, about. */
  readonly delayMs: number;
  /** Percent of the memory that the process may have: of its container or the machine, or of the JavaScript heap. */
  readonly memoryPercent: number;
  /** Of the machine, over one minute. */
  readonly loadAverage: number;
}

export interface LoadProbe {
  read(): LoadReading;
  stop(): void;
}

/** Of the timer whose lateness is measured: often enough for one long task among many short ones to be no more than that. */
const INTERVAL_MS = 50;

/** Begins to measure. */
export function startLoadProbe(): LoadProbe {
  // Not `monitorEventLoopDelay`: it says nothing where its timer has not run twice between two readings, as when each task
  // takes a second.
  let lastMs = performance.now();
  let lateMs = 0;
  let count = 0;
  const lateness = (): number => Math.max(performance.now() - lastMs - INTERVAL_MS, 0);
  const timer = setInterval(() => {
    lateMs += lateness();
    count += 1;
    lastMs = performance.now();
  }, INTERVAL_MS);
  timer.unref();
  const memoryOctets = memoryLimit();
  return {
    read() {
      // The timer is due, and its turn comes behind ours.
      const pendingMs = lateness();
      const delayMs = (lateMs + pendingMs) / Math.max(count + (pendingMs > 0 ? 1 : 0), 1);
      lateMs = 0;
      count = 0;
      return {
        delayMs,
        memoryPercent: memoryPercent(memoryOctets),
        loadAverage: loadavg()[0] ?? 0,
      };
    },
    stop() {
      clearInterval(timer);
    },
  };
}

/** Of the container, if it has a limit; else what the machine has. */
function memoryLimit(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

function memoryPercent(limit: number): number {
  const { used_heap_size: used, heap_size_limit: heapLimit } = getHeapStatistics();
  return 100 * Math.max(ownMemory() / limit, used / heapLimit);
}

/**
 * Octets of this process that are nobody else's. Pages of files, which the embedded bus has many of when many messages
 * wait, are not counted: the kernel takes them back when it needs room.
 */
function ownMemory(): number {
  const resident = process.memoryUsage.rss();
  try {
    // No disk is asked.
    const [, pages = 1, shared = 0] = readFileSync("/proc/self/statm", "latin1").split(" ").map(Number);
    return resident * (1 - shared / pages);
  } catch {
    // Not Linux.
    return resident;
  }
}
