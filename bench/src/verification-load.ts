import { generateKeyPairSync, type KeyObject } from "node:crypto";
import type { Bus } from "@postbus/bus";
import { MessageAnswer, SpfAnswer, verifyMessageSubject, verifySpfSubject } from "@postbus/contracts";
import { readSigningKey, signMessage } from "@postbus/mail-auth";
import { startDnsServer } from "@postbus/testkit";
import { Value } from "typebox/value";

const TIMEOUT_MS = 30_000;
const LINE = "The quick brown fox jumps over the lazy dog, and does so again and again.\r\n";

export interface VerificationLoad {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** Host and port of a name server that knows the author's domain. */
  readonly dnsAddress: string;
  /** A message of 4.5 KB with an RSA-2048 signature. */
  readonly octets: Buffer;
  /** Has it verified as the gateway does: SPF, DKIM, DMARC and ARC. @param n Of whose client. @throws if it does not pass. */
  verify(bus: Bus, n?: number): Promise<void>;
  stop(): Promise<void>;
}

/** A message, who vouches for it, and the questions about it. */
export async function openVerificationLoad(): Promise<VerificationLoad> {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const key = publicKey.export({ type: "spki", format: "der" }).toString("base64");
  const dns = await startDnsServer({
    "bench.test": { TXT: ["v=spf1 ip4:192.0.2.0/24 -all"] },
    "sel._domainkey.bench.test": { TXT: [[`v=DKIM1; k=rsa; p=${key.slice(0, 200)}`, key.slice(200)]] },
    "_dmarc.bench.test": { TXT: ["v=DMARC1; p=reject"] },
  });
  const octets = await signedMessage(privateKey);
  return {
    ...{ privateKey, publicKey, octets, dnsAddress: dns.address },
    verify: (bus, n = 0) => verified(bus, octets, `192.0.2.${1 + (n % 250)}`),
    stop: () => dns.stop(),
  };
}

async function signedMessage(privateKey: KeyObject): Promise<Buffer> {
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

async function verified(bus: Bus, octets: Buffer, clientAddress: string): Promise<void> {
  const question = { v: 1, clientAddress, helo: "mx.bench.test", returnPath: "joe@bench.test" };
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
