import { generateKeyPairSync, sign, verify } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bus, openEmbeddedBus } from "@postbus/bus";
import { MessageAnswer, SpfAnswer, verifyMessageSubject, verifySpfSubject } from "@postbus/contracts";
import { readSigningKey, signMessage } from "@postbus/mail-auth";
import { startDnsServer } from "@postbus/testkit";
import { verifier } from "@postbus/verifier";
import { pino } from "pino";
import { Registry } from "prom-client";
import { Value } from "typebox/value";

const WARM_UP = 2_000;
const TIMEOUT_MS = 30_000;
const LINE = "The quick brown fox jumps over the lazy dog, and does so again and again.\r\n";

/**
 * What it costs to verify a message of 4.5 KB with an RSA-2048 signature: SPF, DKIM, DMARC and ARC, asked over the bus and answered
 * in this thread; beside it, what of that is cryptography.
 *
 *     node bench/src/verification.ts [messages]
 */
const [messages = 5_000] = process.argv.slice(2).map(Number);

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const key = publicKey.export({ type: "spki", format: "der" }).toString("base64");
const dns = await startDnsServer({
  "bench.test": { TXT: ["v=spf1 ip4:192.0.2.0/24 -all"] },
  "sel._domainkey.bench.test": { TXT: [[`v=DKIM1; k=rsa; p=${key.slice(0, 200)}`, key.slice(200)]] },
  "_dmarc.bench.test": { TXT: ["v=DMARC1; p=reject"] },
});
const directory = await mkdtemp(join(process.env["BENCH_DIR"] ?? tmpdir(), "postbus-bench-"));
try {
  const bus = await openEmbeddedBus({ directory });
  const settings = Value.Parse(
    verifier.settings,
    Value.Default(verifier.settings, { dnsServers: dns.address, verifierWorkers: 0 }),
  );
  const parts = await verifier.start({
    ...{ bus, settings, log: pino({ level: "warn" }), metrics: new Registry(), instance: "bench" },
  });
  const octets = await signedMessage();
  const data = Buffer.alloc(600, "x");
  const signature = sign("sha256", data, privateKey);
  const bare = await cpuOf(() => Promise.resolve(verify("sha256", data, publicKey, signature)));
  const whole = await cpuOf(() => asked(bus, octets));
  process.stdout.write(
    `${octets.length} octets: ${whole.toFixed(0)} µs CPU a message, ${Math.round(1e6 / whole)} a second and core; ` +
      `a bare RSA-2048 verification takes ${bare.toFixed(1)} µs, 1/${(whole / bare).toFixed(1)} of that\n`,
  );
  for (const part of [...parts].reverse()) await part.stop();
  await bus.close();
} finally {
  await dns.stop();
  await rm(directory, { recursive: true, force: true });
}

async function signedMessage(): Promise<Buffer> {
  const fields = ["From", "To", "Subject", "Date", "Message-ID"];
  const header =
    "From: joe@bench.test\r\nTo: ann@example.net\r\nSubject: hello\r\nDate: Sat, 28 Nov 2026 12:00:00 +0000\r\n";
  const message = Buffer.from(`${header}Message-ID: <1@bench.test>\r\n\r\n${LINE.repeat(50)}`, "latin1");
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const how = { key: readSigningKey(pem), canonicalization: "relaxed" as const, hash: "sha256" as const, fields };
  const dkim = [{ domain: "bench.test", selector: "sel", ...how }];
  const signed = await signMessage(message, { dkim }, Date.now());
  return Buffer.concat([Buffer.from(signed.fields, "latin1"), message]);
}

/** One message, as the gateway asks about it. */
async function asked(bus: Bus, octets: Buffer): Promise<void> {
  const question = { v: 1, clientAddress: "192.0.2.1", helo: "mx.bench.test", returnPath: "joe@bench.test" };
  const answer = await bus.request(verifySpfSubject, question, { timeoutMs: TIMEOUT_MS });
  const { spf } = Value.Parse(SpfAnswer, answer);
  const content = { kind: "inline" as const, octets };
  const about = { v: 1, messageId: "1vMhGf-0000000012a-0Ab3", spf, wantsArc: true };
  const facts = Value.Parse(
    MessageAnswer,
    await bus.request(verifyMessageSubject, about, { timeoutMs: TIMEOUT_MS, content }),
  );
  if (spf.result !== "pass" || facts.dkim[0]?.result !== "pass" || facts.dmarc.result !== "pass")
    throw new Error(`not verified: ${JSON.stringify([spf, facts])}`);
}

/** Microseconds of processor time; of wall time others may take some. */
async function cpuOf(run: () => Promise<unknown>): Promise<number> {
  for (let i = 0; i < WARM_UP; i++) await run();
  const before = process.cpuUsage();
  for (let i = 0; i < messages; i++) await run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / messages;
}
