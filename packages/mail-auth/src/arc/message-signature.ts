import { type Canonicalization, readCanonicalization } from "../canonical/canonicalization.ts";
import type { SignedHeader } from "../canonical/signed-header.ts";
import { withoutSignature } from "../canonical/without-signature.ts";
import type { KeyRecords } from "../dkim/key-records.ts";
import { keyedVerification } from "../dkim/keyed-verification.ts";
import { withoutBlanks } from "../dkim/strict-tags.ts";
import { hasExpired } from "../expiry.ts";
import type { ArcField } from "./arc-chain.ts";

/** An ARC-Message-Signature (RFC 8617 §4.1.2) that can be checked. */
export interface MessageSignature {
  readonly field: ArcField["field"];
  readonly domain: string;
  readonly selector: string;
  readonly algorithm: "rsa" | "ed25519";
  readonly header: Canonicalization;
  /** One of these; Exim says `c=relaxed`, which stands for a simple body (RFC 6376 §3.5), and hashes a relaxed one. */
  readonly bodies: readonly Canonicalization[];
  readonly bodyLength: number | undefined;
  readonly bodyHash: string;
  readonly signature: Buffer;
  readonly names: readonly string[];
  /** Seconds since the epoch. */
  readonly expires: number | undefined;
}

/** @returns undefined: something that must be there is not, or makes no sense. */
export function readMessageSignature({ field, tags }: ArcField): MessageSignature | undefined {
  const plain = (name: string): string => withoutBlanks(tags.get(name) ?? "");
  const [domain, selector, bodyHash, signature] = [plain("d"), plain("s"), plain("bh"), plain("b")];
  if (domain === "" || selector === "" || bodyHash === "" || signature === "") return undefined;
  const algorithm = ALGORITHMS.get(plain("a").toLowerCase());
  const how = readCanonicalization(tags.has("c") ? plain("c") : undefined);
  if (algorithm === undefined || how === undefined) return undefined;
  for (const name of ["t", "x", "l"]) if (tags.has(name) && !/^[0-9]{1,15}$/.test(plain(name))) return undefined;
  const names = plain("h").split(":");
  const signs = new Set(names.map((name) => name.toLowerCase()));
  // RFC 6376 §5.4.1; RFC 8617 §4.1.2.
  if (!signs.has("from") || signs.has("arc-seal")) return undefined;
  return {
    ...{ field, domain, selector, algorithm, header: how.header, bodyHash, names },
    bodies: plain("c").toLowerCase() === "relaxed" ? ["simple", "relaxed"] : [how.body],
    bodyLength: tags.has("l") ? Number(plain("l")) : undefined,
    signature: Buffer.from(signature, "base64"),
    expires: tags.has("x") ? Number(plain("x")) : undefined,
  };
}

/** `a=` (RFC 8617 §4.1.2, RFC 8463). */
export const ALGORITHMS: ReadonlyMap<string, "rsa" | "ed25519"> = new Map([
  ["rsa-sha256", "rsa"],
  ["ed25519-sha256", "ed25519"],
]);

/** Whether it holds; if not, why. @param bodyHashes What the body comes to. */
export async function verifyMessageSignature(
  signature: MessageSignature,
  bodyHashes: readonly string[],
  header: SignedHeader,
  keys: KeyRecords,
  nowMs: number,
): Promise<true | string> {
  if (!bodyHashes.includes(signature.bodyHash)) return "AMS body hash miscompare";
  if (hasExpired(signature.expires, nowMs)) return "AMS sig expired";
  const own = header.canonicalOf(withoutSignature(header.text(signature.field)), signature.header);
  const signed = header.named(signature.names, signature.header, signature.field) + own;
  const verified = await keyedVerification(signature, signed, keys);
  if (verified === true) return true;
  return verified === "" ? "AMS sig nonverify" : `AMS pubkey problem (${verified})`;
}
