// `npm run fuzz [NAME...]`: the long form of fuzz.test.ts. POSTBUS_FUZZ_COUNT inputs for each target (10 million by default)
// in POSTBUS_FUZZ_WORKERS threads (as many as there are processors), from POSTBUS_TEST_SEED on.
import { availableParallelism } from "node:os";
import { setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";
import { chosenSeed } from "../support/seeded-random.ts";
import type { FuzzJob } from "./fuzz-worker.ts";
import { targets } from "./targets.ts";

/** No input takes a thousandth of it. */
const HANG_MS = 20_000;

const count = Number(process.env["POSTBUS_FUZZ_COUNT"] ?? 10_000_000);
const workers = Number(process.env["POSTBUS_FUZZ_WORKERS"] ?? availableParallelism());
const seed = chosenSeed();
const wanted = process.argv.slice(2);
setFlagsFromString("--expose-gc");

/** @returns by how many octets its memory has grown. */
function work(job: FuzzJob): Promise<number> {
  const worker = new Worker(new URL("fuzz-worker.ts", import.meta.url), { workerData: job });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let before = -1;
  const watch = setInterval(() => {
    const [begun = 0, own = 0] = job.progress;
    if (begun === before) reject(new Error(`${job.target}: POSTBUS_TEST_SEED=${own} takes more than ${HANG_MS} ms`));
    before = begun;
  }, HANG_MS);
  worker.on("message", ({ growth }: { growth: number }) => resolve(growth));
  worker.on("error", reject);
  worker.on("exit", () => reject(new Error(`${job.target}: the worker has ended`)));
  return promise.finally(() => {
    clearInterval(watch);
    return worker.terminate();
  });
}

for (const { name } of targets.filter(
  (target) => wanted.length === 0 || wanted.some((word) => target.name.includes(word)),
)) {
  const startMs = performance.now();
  const each = Math.ceil(count / workers);
  const jobs = Array.from({ length: workers }, (_, i) => {
    const progress = new Uint32Array(new SharedArrayBuffer(8));
    return { target: name, seed: seed + i * each, count: each, progress };
  });
  try {
    const growth = Math.max(...(await Promise.all(jobs.map(work))));
    const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
    process.stdout.write(
      `ok   ${name}: ${each * workers} inputs from seed ${seed} in ${seconds} s, memory ${(growth / 1024).toFixed(0)} KB more\n`,
    );
  } catch (err) {
    process.exitCode = 1;
    process.stdout.write(`FAIL ${err instanceof Error ? err.message : String(err)}\n`);
  }
}
