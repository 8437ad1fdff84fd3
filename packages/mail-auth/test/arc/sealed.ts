import { generateKeyPairSync } from "node:crypto";
import type { DnsZone } from "@postbus/testkit";
import { readSigningKey, signMessage } from "../../src/index.ts";

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ed25519 = generateKeyPairSync("ed25519");

/** A key that was made for a test, with what stands in the DNS about it, as `rsa`, `ed25519` and `silent` of hop.example. */
export const ourKey = {
  pem: { rsa: pem(rsa.privateKey), ed25519: pem(ed25519.privateKey) },
  records: {
    rsa: `v=DKIM1; k=rsa; p=${rsa.publicKey.export({ type: "spki", format: "der" }).toString("base64")}`,
    ed25519: `v=DKIM1; k=ed25519; p=${ed25519.publicKey.export({ type: "spki", format: "der" }).subarray(-32).toString("base64")}`,
  },
  get zone(): DnsZone {
    return {
      "rsa._domainkey.hop.example": { TXT: [this.records.rsa] },
      "ed25519._domainkey.hop.example": { TXT: [this.records.ed25519] },
    };
  },
};

function pem(key: typeof rsa.privateKey): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

const FIELDS = ["From", "Subject", "Date", "Message-ID", "To", "DKIM-Signature"];

interface HopOptions {
  /** What our Authentication-Results say. */
  readonly results: string;
  readonly selector?: string;
  readonly key?: "rsa" | "ed25519";
  readonly hasTimestamps?: boolean;
  readonly afterS?: number;
}

/** A message as it leaves a hop that seals it. @throws {Error} it is not sealed. */
export async function sealed(message: string, hop: HopOptions): Promise<string> {
  const { results, key = "rsa", selector = key, hasTimestamps = false, afterS } = hop;
  const withResults = `Authentication-Results: hop.example;\r\n\t${results}\r\n${message}`;
  const arc = {
    ...{ domain: "hop.example", selector, key: readSigningKey(ourKey.pem[key]), hasTimestamps, fields: FIELDS },
    ...(afterS === undefined ? {} : { expires: { afterS } }),
    clientAddress: "192.0.2.1",
    isKnownName: true,
  };
  const { fields, problems } = await signMessage(Buffer.from(withResults, "latin1"), { dkim: [], arc }, Date.now());
  if (problems.length > 0) throw new Error(problems.join());
  return fields + withResults;
}
