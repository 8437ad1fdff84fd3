import type { BodyHashAlgorithm } from "../canonical/body-hash.ts";
import { canonicalField } from "../canonical/canonical-field.ts";
import type { Canonicalization } from "../canonical/canonicalization.ts";
import type { SignedHeader } from "../canonical/signed-header.ts";
import { foldedBase64, foldedField } from "./folded-field.ts";
import { type SigningKey, signatureOf } from "./signing-key.ts";

/** One signature to be made (RFC 6376 §3.5). */
export interface DkimSigner {
  readonly domain: string;
  readonly selector: string;
  readonly key: SigningKey;
  /** For header and body. */
  readonly canonicalization: Canonicalization;
  /** Of an Ed25519 key it is always SHA-256 (RFC 8463). */
  readonly hash: BodyHashAlgorithm;
  /** `i=` */
  readonly identity?: string;
  /** As `signedNames` takes them. */
  readonly fields: readonly string[];
  /** `t=`; and, that many seconds later, `x=`; 0: without that. */
  readonly lifetimeS?: number;
}

/** The field, with its CRLF. @param names For `h=`. */
export async function dkimSignatureField(
  signer: DkimSigner,
  names: readonly string[],
  bodyHash: string,
  header: SignedHeader,
  nowS: number,
): Promise<string> {
  const { domain, selector, key, canonicalization, hash, identity, lifetimeS } = signer;
  const field = foldedField("DKIM-Signature:", [
    ["v", "1"],
    ["a", `${key.type}-${hash}`],
    ["q", "dns/txt"],
    ["c", `${canonicalization}/${canonicalization}`],
    ["d", domain],
    ["s", selector],
    ["h", names.join(":")],
    ["bh", bodyHash],
    ...(identity === undefined ? [] : [["i", identity] as const]),
    ...(lifetimeS === undefined ? [] : [["t", String(nowS)] as const]),
    ...(lifetimeS === undefined || lifetimeS === 0 ? [] : [["x", String(nowS + lifetimeS)] as const]),
  ]);
  const signed = header.named(names, canonicalization) + canonicalField(`${field};`, canonicalization);
  return `${field}${foldedBase64(await signatureOf(signed, key, hash))};\r\n`;
}
