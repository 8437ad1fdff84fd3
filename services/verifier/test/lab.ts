import { generateKeyPairSync } from "node:crypto";
import { after } from "node:test";
import { startDnsServer } from "@postbus/testkit";
import { pino } from "pino";
import { type PoolOptions, WorkerPool } from "../src/worker-pool.ts";

export const signal = new AbortController().signal;
export const message = Buffer.from("From: joe@example.org\r\nSubject: hi\r\n\r\nhello\r\n");
/** A signature that makes the verifier read the whole body; it does not verify. */
export const signed = Buffer.concat([
  Buffer.from("DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=key; h=from; bh=eA==; b=eA==\r\n"),
  message,
]);

const { publicKey } = generateKeyPairSync("ed25519");
const key = publicKey.export({ type: "spki", format: "der" }).subarray(-32).toString("base64");

export async function dnsLab(): Promise<string> {
  const server = await startDnsServer({
    "example.org": { TXT: ["v=spf1 ip4:192.0.2.1 -all"] },
    "_dmarc.example.org": { TXT: ["v=DMARC1; p=reject"] },
    "key._domainkey.example.org": { TXT: [`v=DKIM1; k=ed25519; p=${key}`] },
    "silent.example": "drop",
  });
  after(() => server.stop());
  return server.address;
}

export async function pool(options: Partial<PoolOptions> = {}): Promise<WorkerPool> {
  const log = pino({ level: "silent" });
  const made = new WorkerPool({ workers: 1, dnsServers: await dnsLab(), log, ...options });
  after(() => made.stop());
  return made;
}
