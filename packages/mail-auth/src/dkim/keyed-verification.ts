import { createHash, verify } from "node:crypto";
import type { KeyAnswer, KeyName, KeyRecords, KeyType } from "./key-records.ts";

/** A signature, and whose key it was made with. */
export interface Keyed extends KeyName {
  readonly algorithm: KeyType;
  readonly signature: Buffer;
}

/**
 * Whether a signature of a header is right.
 *
 * @param signed Canonical; the CRLF at its end is not signed (RFC 6376 §3.7).
 * @returns true, or why not; empty: it is simply wrong.
 */
export async function keyedVerification(
  { algorithm, signature, ...name }: Keyed,
  signed: string,
  keys: KeyRecords,
): Promise<true | string> {
  const answer = await keys.get(name);
  if (answer.kind !== "key") return answer.reason;
  if (answer.type !== algorithm) return "inappropriate key algorithm";
  return signatureHolds(signed, answer, signature) ? true : "";
}

/** Whether this key has made the signature. */
export function signatureHolds(
  signed: string,
  { key, type }: Pick<Extract<KeyAnswer, { kind: "key" }>, "key" | "type">,
  signature: Buffer,
): boolean {
  try {
    return verify(type === "rsa" ? "sha256" : null, signedOctets(signed, type), key, signature);
  } catch {
    // OpenSSL takes neither key nor signature for one.
    return false;
  }
}

/** What is given to the signature algorithm: Ed25519 signs the hash (RFC 8463 §3). */
export function signedOctets(signed: string, algorithm: KeyType): Buffer {
  const octets = Buffer.from(signed.endsWith("\r\n") ? signed.slice(0, -2) : signed, "latin1");
  return algorithm === "rsa" ? octets : createHash("sha256").update(octets).digest();
}
