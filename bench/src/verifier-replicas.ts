import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Bus, connectNatsBus, provisionNats } from "@postbus/bus";
import { startNats, stopProcess } from "@postbus/testkit";
import { openQuota } from "./account.ts";
import { openVerificationLoad } from "./verification-load.ts";

/**
 * Messages a second that one, two and three verifier processes verify for a fleet: asked over NATS, each of them with no more than a
 * part of a processor, so that more of them tell on a machine that one would fill.
 *
 *     node bench/src/verifier-replicas.ts [processors for each]
 */
const [share = 0.2] = process.argv.slice(2).map(Number);

const IN_FLIGHT = 96;
/** Without a limit: with one, it would take minutes until the code is compiled. */
const WARM_UP_MS = 15_000;
/** With the limit. */
const SETTLING_MS = 2_000;
const MEASURED_MS = 15_000;
/** For one to be there. */
const START_MS = 60_000;

const root = resolve(import.meta.dirname, "../..");
const load = await openVerificationLoad();
const directory = await mkdtemp(join(tmpdir(), "postbus-bench-"));
const nats = await startNats({ syncAlways: true });
try {
  await provisionNats({ servers: [nats.url] });
  let first: number | undefined;
  for (const count of [1, 2, 3]) {
    const rate = await rateOf(count);
    first ??= rate;
    const ratio = (rate / first).toFixed(2);
    process.stdout.write(`${count} x ${share} processors: ${rate.toFixed(0)} messages/s; this/first ${ratio}\n`);
  }
} finally {
  await nats.stop();
  await load.stop();
  await rm(directory, { recursive: true, force: true });
}

async function rateOf(count: number): Promise<number> {
  const quotas = Array.from({ length: count }, openQuota);
  const verifiers: ChildProcess[] = [];
  const bus = await connectNatsBus({ servers: [nats.url], monitorUrl: nats.monitorUrl });
  try {
    await Promise.all(quotas.map(({ prefix }, n) => startVerifier(prefix, n, verifiers)));
    await verifiedIn(bus, WARM_UP_MS);
    for (const quota of quotas) quota.limit(share);
    await verifiedIn(bus, SETTLING_MS);
    return (await verifiedIn(bus, MEASURED_MS)) / (MEASURED_MS / 1_000);
  } finally {
    await bus.close();
    await Promise.all(verifiers.map((child) => stopProcess(child)));
    for (const quota of quotas) quota.close();
  }
}

/** @param started Where it is put, whether it gets ready or not. */
async function startVerifier(
  [shell = "", ...prefix]: readonly string[],
  n: number,
  started: ChildProcess[],
): Promise<void> {
  const data = join(directory, String(n));
  await mkdir(data, { recursive: true });
  const env = {
    ...{ NATS_URL: nats.url, NATS_MONITOR_URL: nats.monitorUrl, POSTBUS_DATA: data, LOG_LEVEL: "warn" },
    POSTBUS_DNS_SERVERS: load.dnsAddress,
  };
  const args = [...prefix, join(root, "bin/postbus"), "start", "verifier"];
  const child = spawn(shell, args, { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, ...env } });
  started.push(child);
  await once(child.stdout, "data", { signal: AbortSignal.timeout(START_MS) });
}

/** Messages that were verified in that time. */
async function verifiedIn(bus: Bus, ms: number): Promise<number> {
  const end = performance.now() + ms;
  let count = 0;
  const askers = Array.from({ length: IN_FLIGHT }, async (_, n) => {
    while (performance.now() < end) {
      await load.verify(bus, n);
      count++;
    }
  });
  await Promise.all(askers);
  return count;
}
