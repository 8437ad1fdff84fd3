import { resultValue, trimEnd } from "@postbus/mail";
import { readArcChain } from "../arc/arc-chain.ts";
import { statedArcResult } from "../arc/stated-result.ts";
import { canonicalField } from "../canonical/canonical-field.ts";
import type { SignedHeader } from "../canonical/signed-header.ts";
import type { Field } from "../header-section.ts";
import { foldedBase64, foldedField } from "./folded-field.ts";
import { signedNames } from "./signed-names.ts";
import { type SigningKey, signatureOf } from "./signing-key.ts";

/** A set of ARC fields to be made (RFC 8617 §5.1). */
export interface ArcSealer {
  /** Who we are in Authentication-Results, and whose key it is. */
  readonly domain: string;
  readonly selector: string;
  readonly key: SigningKey;
  readonly hasTimestamps: boolean;
  /** `x=` of the message signature: seconds since the epoch, or from now. */
  readonly expires?: { readonly atS: number } | { readonly afterS: number };
  /** From whom the message came. */
  readonly clientAddress?: string;
  /** Nobody else's results can have our name; else only those that stand above the trace fields can be ours. */
  readonly isKnownName: boolean;
  /** Names of the fields that are signed. */
  readonly fields: readonly string[];
}

/** The set, or why there is none. */
export type Sealed = { readonly fields: string } | { readonly problem: string };

const MAX_ARC_SETS = 50;

/**
 * A set of fields to be put on top of a message.
 *
 * The state of the chain until here is what our own Authentication-Results says of it; what was not looked at is not sealed, since
 * nobody could believe it (RFC 8617 §5.1.2: there is no `cv=none` but in the first set).
 *
 * @param bodyHash Relaxed, SHA-256.
 */
export async function arcSet(
  sealer: ArcSealer,
  header: SignedHeader,
  fields: readonly Field[],
  bodyHash: string,
  nowS: number,
): Promise<Sealed> {
  const { domain, selector, key } = sealer;
  const results = ownResults(sealer, header, fields);
  if (results === undefined) return { problem: "ARC: no Authentication-Results header for signing" };
  const chain = readArcChain(fields, (field) => header.text(field));
  if (chain.kind === "broken") return { problem: `ARC: not signed: ${chain.reason}` };
  const newest = chain.sets.at(-1);
  const instance = (newest?.instance ?? 0) + 1;
  if (instance > MAX_ARC_SETS) return { problem: `ARC: not signed: ${MAX_ARC_SETS} sets are there already` };
  if (newest?.seal?.tags.get("cv")?.toLowerCase() === "fail")
    return { problem: "ARC: not signed: the chain has failed" };
  const said = statedArcResult(results);
  const state = newest === undefined ? "none" : said;
  if (state === undefined || (newest !== undefined && state === "none"))
    return { problem: "ARC: not signed: Authentication-Results says nothing about the chain" };

  const algorithm = `${key.type}-sha256`;
  const stamp = sealer.hasTimestamps ? [["t", String(nowS)] as const] : [];
  const address = sealer.clientAddress === undefined ? "" : ` smtp.remote-ip=${resultValue(sealer.clientAddress)};`;
  const ofResults = `ARC-Authentication-Results: i=${instance}; ${domain};${address}\r\n\t${results}\r\n`;

  const names = signedNames(
    sealer.fields.map((name) => `=${name}`),
    fields,
    (field) => nameOf(header.text(field)),
  );
  const message = foldedField("ARC-Message-Signature:", [
    ["i", String(instance)],
    ["a", algorithm],
    ["c", "relaxed/relaxed"],
    ["d", domain],
    ["s", selector],
    ...stamp,
    ...(sealer.expires === undefined ? [] : [["x", String(expiry(sealer.expires, nowS))] as const]),
    ["h", names.join(":")],
    ["bh", bodyHash],
  ]);
  const signed = header.named(names, "relaxed") + canonicalField(`${message};`, "relaxed");
  const ofMessage = `${message}${foldedBase64(await signatureOf(signed, key, "sha256"))};\r\n`;

  const seal = foldedField("ARC-Seal:", [
    ["i", String(instance)],
    ["cv", state],
    ["a", algorithm],
    ["d", domain],
    ["s", selector],
    ...stamp,
  ]);
  // Of a chain that has failed, only the new set is sealed (RFC 8617 §5.1.2).
  const before = state === "fail" ? [] : chain.sets.flatMap((set) => [set.results, set.message, set.seal]);
  const sealed = [
    ...before.flatMap((part) => (part === undefined ? [] : [header.canonical(part.field, "relaxed")])),
    ...[ofResults, ofMessage, `${seal};`].map((text) => canonicalField(text, "relaxed")),
  ].join("");
  const ofSeal = `${seal}${foldedBase64(await signatureOf(sealed, key, "sha256"))};\r\n`;
  return { fields: ofSeal + ofResults + ofMessage };
}

const expiry = (expires: NonNullable<ArcSealer["expires"]>, nowS: number): number =>
  "atS" in expires ? expires.atS : nowS + expires.afterS;

const nameOf = (field: string): string => field.slice(0, field.indexOf(":")).trimEnd();

/** The results of the first Authentication-Results that is ours (RFC 8601 §2.2), as written. */
function ownResults(
  { domain, isKnownName }: ArcSealer,
  header: SignedHeader,
  fields: readonly Field[],
): string | undefined {
  for (const field of fields) {
    if (field.name === "received" && !isKnownName) return undefined;
    if (field.name !== "authentication-results") continue;
    const text = header.text(field);
    const [, id = "", results = ""] = AUTHSERV_ID.exec(text.slice(text.indexOf(":") + 1)) ?? [];
    if (id.toLowerCase() === domain.toLowerCase()) return trimEnd(results);
  }
  return undefined;
}

/** The id may have a version behind it. */
const AUTHSERV_ID = /^[ \t\r\n]*"?([^\s;"]+)"?(?:[ \t\r\n]+[0-9]+)?[ \t\r\n]*;[ \t\r\n]*(.*)$/s;
