import { createPublicKey, type KeyObject } from "node:crypto";
import { readTags } from "./tag-list.ts";

const ED25519_OCTETS = 32;
const ED25519_BITS = 256;

/** Bits of the public key in a record (RFC 6376 §3.6.1, RFC 8463 §4); undefined: there is none that can be read. */
export function keyLength(record: string): number | undefined {
  const tags = readTags(record);
  const octets = Buffer.from((tags.get("p") ?? "").replaceAll(/\s/g, ""), "base64");
  if (octets.length === ED25519_OCTETS) return ED25519_BITS;
  const key = asKey(octets, "spki") ?? asKey(octets, "pkcs1");
  return key?.asymmetricKeyDetails?.modulusLength;
}

function asKey(key: Buffer, type: "spki" | "pkcs1"): KeyObject | undefined {
  try {
    return createPublicKey({ key, format: "der", type });
  } catch {
    // Not in this form.
    return undefined;
  }
}
