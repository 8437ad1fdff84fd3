import { runInNewContext } from "node:vm";
import { parentPort, workerData } from "node:worker_threads";
import { targets } from "./targets.ts";
import { tryInputs } from "./try-inputs.ts";

/** What one worker is to do. */
export interface FuzzJob {
  readonly target: string;
  readonly seed: number;
  readonly count: number;
  /** For whoever watches it: how many inputs have begun, and the seed of the last. */
  readonly progress: Uint32Array;
}

/** Memory that is in use after so many shares of the work; the first share is warming up. */
const SHARES = 10;
/** Caches fill, code is compiled: more than that would be a leak. */
const MOST_GROWTH_OCTETS = 16 * 1024 * 1024;

const { target, seed, count, progress } = workerData as FuzzJob;
const collectGarbage = runInNewContext("gc") as () => void;
const chosen = targets.find(({ name }) => name === target);
if (chosen === undefined) throw new Error(`no target ${target}`);

const used: number[] = [];
for (let share = 0; share < SHARES; share++) {
  const from = Math.floor((share * count) / SHARES);
  await tryInputs(chosen, seed + from, Math.floor(((share + 1) * count) / SHARES) - from, (own) => {
    progress[0] = (progress[0] ?? 0) + 1;
    progress[1] = own;
  });
  collectGarbage();
  used.push(process.memoryUsage().heapUsed);
}
const growth = (used.at(-1) ?? 0) - (used[0] ?? 0);
if (growth > MOST_GROWTH_OCTETS) throw new Error(`${target}: memory grows: ${used.join(" ")}`);
parentPort?.postMessage({ growth });
