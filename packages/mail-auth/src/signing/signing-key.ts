import { createPrivateKey, type KeyObject, sign } from "node:crypto";
import { promisify } from "node:util";
import { signedOctets } from "../dkim/keyed-verification.ts";

/** A private key for signatures of mail. */
export interface SigningKey {
  readonly key: KeyObject;
  readonly type: "rsa" | "ed25519";
}

/**
 * Reads a private key in PEM, whatever white space is in it.
 *
 * @throws {Error} it is none, or none that verifiers take (RFC 8301 §3.2: RSA from 1024 bits; RFC 8463: Ed25519).
 */
export function readSigningKey(pem: string): SigningKey {
  const key = createPrivateKey(inLines(pem));
  const type = key.asymmetricKeyType;
  if (type === "ed25519") return { key, type };
  if (type !== "rsa") throw new Error(`a key of type ${type} makes no signatures of mail`);
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < MIN_RSA_BITS) throw new Error(`an RSA key of ${bits} bits is too short`);
  return { key, type };
}

const MIN_RSA_BITS = 1024;

/** A policy may have the key on one line: continued ones are joined. OpenSSL wants its first and last line alone. */
const inLines = (pem: string): string =>
  pem.replace(/^\s*(-----BEGIN [A-Z ]+-----)([A-Za-z0-9+/=\s]+)(-----END [A-Z ]+-----)\s*$/, (_, begin, base64, end) =>
    [begin, ...(base64.replaceAll(/\s/g, "").match(/.{1,64}/g) ?? []), end, ""].join("\n"),
  );

const signLater = promisify<string | null, Buffer, KeyObject, Buffer>(sign);

/**
 * Signs a header, on a thread of the pool: RSA takes a millisecond. Base64.
 *
 * @param signed Canonical.
 */
export async function signatureOf(signed: string, { key, type }: SigningKey, hash: string): Promise<string> {
  const octets = await signLater(type === "rsa" ? hash : null, signedOctets(signed, type), key);
  return octets.toString("base64");
}
