import { createPrivateKey, generateKeyPairSync, randomBytes } from "node:crypto";
import { type SigningKey, signMessage } from "@postbus/mail-auth";
import type { DnsZone } from "@postbus/testkit";
import { slowKey } from "./slow-key.ts";

/** Sets of the chains. */
const LENGTHS = [1, 2, 5, 50] as const;
const DOMAIN = "signed.bad.test";
const FIELDS = ["From", "Subject", "To"];

/** Mail with signatures and seals that hold, so that everything is looked at that can be; and what must be in the DNS for it. */
export interface SignedMail {
  readonly messages: readonly [string, ...string[]];
  readonly zone: DnsZone;
}

export async function signedMail(): Promise<SignedMail> {
  const keys = {
    rsa: made("rsa", 2_048),
    // Signatures of it hold, and are worth nothing.
    short: made("rsa", 512),
    ed: made("ed25519", 0),
  };
  const record = (der: Buffer): string => `v=DKIM1; p=${der.toString("base64")}`;
  const ed = keys.ed.public.subarray(-32).toString("base64");
  const zone: DnsZone = {
    [`rsa._domainkey.${DOMAIN}`]: { TXT: [record(keys.rsa.public)] },
    [`short._domainkey.${DOMAIN}`]: { TXT: [record(keys.short.public)] },
    [`ed._domainkey.${DOMAIN}`]: { TXT: [`v=DKIM1; k=ed25519; p=${ed}`] },
    // As long as OpenSSL takes them, and with an exponent as long as the key.
    [`long._domainkey.${DOMAIN}`]: { TXT: [record(slowKey(16_384, 3))] },
    [`slow._domainkey.${DOMAIN}`]: { TXT: [record(slowKey())] },
    [`_dmarc.${DOMAIN}`]: { TXT: ["v=DMARC1; p=reject"] },
  };
  const plain = `From: a@${DOMAIN}\r\nSubject: signed\r\nTo: b@here.test\r\n\r\n${"text and  more \t text\r\n".repeat(40)}`;
  const messages: [string, ...string[]] = [plain];
  for (const [selector, { key }] of Object.entries(keys)) {
    const signed = await dkim(
      plain,
      Array.from({ length: 12 }, () => ({ selector, key })),
    );
    messages.push(signed);
    for (const other of ["long", "slow"]) {
      const forged = (_: string, start: string): string =>
        `${start}${randomBytes(other === "long" ? 2_048 : 384).toString("base64")};`;
      messages.push(signed.replaceAll(`s=${selector};`, `s=${other};`).replaceAll(/(\r\n\tb=)[^;]*;/g, forged));
    }
    if (selector === "short") continue;
    let sealed = signed;
    for (let i = 1; i <= 50; i++) {
      sealed = await arc(sealed, selector, key, i);
      if (LENGTHS.some((length) => length === i)) messages.push(sealed);
    }
    messages.push(sealed.replaceAll("s=rsa;", "s=slow;"));
  }
  return { messages, zone };
}

function made(type: "rsa" | "ed25519", bits: number): { readonly key: SigningKey; readonly public: Buffer } {
  const { privateKey, publicKey } =
    type === "rsa" ? generateKeyPairSync("rsa", { modulusLength: bits }) : generateKeyPairSync("ed25519");
  const pem = privateKey.export({ type: "pkcs8", format: "pem" });
  return { key: { key: createPrivateKey(pem), type }, public: publicKey.export({ type: "spki", format: "der" }) };
}

interface Signer {
  readonly selector: string;
  readonly key: SigningKey;
}

async function dkim(message: string, signers: readonly Signer[]): Promise<string> {
  const options = { domain: DOMAIN, canonicalization: "relaxed", hash: "sha256", fields: FIELDS } as const;
  const all = signers.map((signer) => ({ ...options, ...signer }));
  return (await signMessage(Buffer.from(message, "latin1"), { dkim: all }, Date.now())).fields + message;
}

async function arc(message: string, selector: string, key: SigningKey, instance: number): Promise<string> {
  const results = `Authentication-Results: ${DOMAIN}; arc=${instance === 1 ? "none" : "pass"}\r\n`;
  const sealer = { domain: DOMAIN, selector, key, hasTimestamps: true, isKnownName: true, fields: FIELDS };
  const signed = await signMessage(Buffer.from(results + message, "latin1"), { dkim: [], arc: sealer }, Date.now());
  if (signed.problems.length > 0) throw new Error(signed.problems.join());
  // The results themselves are no part of it: fifty of them would be another test.
  return signed.fields + message;
}
