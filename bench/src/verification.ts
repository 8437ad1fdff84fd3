import { sign, verify } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openEmbeddedBus } from "@postbus/bus";
import { verifier } from "@postbus/verifier";
import { pino } from "pino";
import { Registry } from "prom-client";
import { Value } from "typebox/value";
import { openVerificationLoad } from "./verification-load.ts";

const WARM_UP = 2_000;

/**
 * What it costs to verify a message of 4.5 KB with an RSA-2048 signature: SPF, DKIM, DMARC and ARC, asked over the bus and answered
 * in this thread; beside it, what of that is cryptography.
 *
 *     node bench/src/verification.ts [messages]
 */
const [messages = 5_000] = process.argv.slice(2).map(Number);

const load = await openVerificationLoad();
const directory = await mkdtemp(join(process.env["BENCH_DIR"] ?? tmpdir(), "postbus-bench-"));
try {
  const bus = await openEmbeddedBus({ directory });
  const settings = Value.Parse(
    verifier.settings,
    Value.Default(verifier.settings, { dnsServers: load.dnsAddress, verifierWorkers: 0 }),
  );
  const parts = await verifier.start({
    ...{ bus, settings, log: pino({ level: "warn" }), metrics: new Registry(), instance: "bench" },
  });
  const { octets, privateKey, publicKey } = load;
  const data = Buffer.alloc(600, "x");
  const signature = sign("sha256", data, privateKey);
  const bare = await cpuOf(() => Promise.resolve(verify("sha256", data, publicKey, signature)));
  const whole = await cpuOf(() => load.verify(bus));
  process.stdout.write(
    `${octets.length} octets: ${whole.toFixed(0)} µs CPU a message, ${Math.round(1e6 / whole)} a second and core; ` +
      `a bare RSA-2048 verification takes ${bare.toFixed(1)} µs, 1/${(whole / bare).toFixed(1)} of that\n`,
  );
  for (const part of [...parts].reverse()) await part.stop();
  await bus.close();
} finally {
  await load.stop();
  await rm(directory, { recursive: true, force: true });
}

/** Microseconds of processor time; of wall time others may take some. */
async function cpuOf(run: () => Promise<unknown>): Promise<number> {
  for (let i = 0; i < WARM_UP; i++) await run();
  const before = process.cpuUsage();
  for (let i = 0; i < messages; i++) await run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / messages;
}
