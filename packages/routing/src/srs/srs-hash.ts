import { createHmac, timingSafeEqual } from "node:crypto";
import { lowerCase } from "@postbus/policy";
import type { SrsSettings } from "./srs-settings.ts";

/** What a given hash is worth: right for one of the secrets, with letters folded on the way, or not at all. */
export type HashMatch = "exact" | "folded" | undefined;

/** Characters of the base64 of HMAC-SHA1 over the parts in lower case, as Mail::SRS and libsrs2 make them. */
export function srsHash({ secrets, hashLength, isHashSafe }: SrsSettings, ...parts: readonly string[]): string {
  const hash = hashBy(secrets[0] ?? "", parts).slice(0, hashLength);
  return isHashSafe ? hash.replaceAll("/", "_").replaceAll("+", ".") : hash;
}

/** Takes both forms of the two characters that are no letters; hosts on the way may have changed the letters' case. */
export function matchHash({ secrets, hashMin }: SrsSettings, given: string, ...parts: readonly string[]): HashMatch {
  if (given.length < hashMin || given.length > MAX_LENGTH) return undefined;
  const plain = given.replaceAll("_", "/").replaceAll(".", "+");
  let match: HashMatch;
  for (const secret of secrets) {
    const right = hashBy(secret, parts).slice(0, plain.length);
    if (isEqual(right, plain)) return "exact";
    if (isEqual(lowerCase(right), lowerCase(plain))) match = "folded";
  }
  return match;
}

const MAX_LENGTH = 20;

function hashBy(secret: string, parts: readonly string[]): string {
  const mac = createHmac("sha1", Buffer.from(secret, "latin1"));
  return mac.update(lowerCase(parts.join("")), "latin1").digest("base64");
}

/** In a time that tells nothing of where they differ. */
function isEqual(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one, "latin1"), Buffer.from(other, "latin1")];
  return a.length === b.length && timingSafeEqual(a, b);
}
