import { domainToASCII } from "node:url";
import { type Canonicalization, readCanonicalization } from "../canonical/canonicalization.ts";
import type { KeyType } from "./key-records.ts";
import { strictTags, withoutBlanks } from "./strict-tags.ts";
import { readTags } from "./tag-list.ts";

/** A signature by its field (RFC 6376 §3.5), as far as it can be named. */
export interface NamedSignature {
  /** As A-labels (RFC 8616); empty: there is none. */
  readonly domain: string;
  readonly selector: string;
  /** Lower case. */
  readonly algorithm: string;
  /** What can be verified; or why nothing can (RFC 6376 §6.1.1). */
  readonly tags: VerifiableTags | string;
}

/** What a signature is verified by. */
export interface VerifiableTags {
  readonly keyType: KeyType;
  readonly header: Canonicalization;
  readonly body: Canonicalization;
  readonly bodyLength: number | undefined;
  readonly bodyHash: string;
  readonly signature: Buffer;
  readonly names: readonly string[];
  /** Seconds since the epoch. */
  readonly expires: number | undefined;
  /** The domain of `i=`; undefined: it is that of the signature. */
  readonly identityDomain: string | undefined;
}

/** No signature may be made with it any more (RFC 8301 §3.1). */
export const WEAK_ALGORITHM = "weak algorithm";
/** RFC 6376 §3.5, v= */
export const OTHER_VERSION = "incompatible version";

/** Reads a signature. @param field What is behind the colon of a DKIM-Signature; latin1. */
export function readSignature(field: string): NamedSignature {
  const strict = strictTags(field);
  const tags = strict ?? readTags(field);
  const plain = (name: string): string => withoutBlanks(tags.get(name) ?? "");
  const [domain, selector] = [asciiName(plain("d")), asciiName(plain("s"))];
  const algorithm = plain("a").toLowerCase();
  const named = { domain, selector, algorithm };
  const keyType = KEY_TYPES.get(algorithm);
  if (keyType === undefined) return { ...named, tags: "unknown algorithm" };
  const how = readCanonicalization(tags.has("c") ? plain("c") : undefined);
  if (how === undefined) return { ...named, tags: "unknown canonicalization" };
  if (domain === "" || selector === "") return { ...named, tags: "signature missing required tag" };
  if (strict === undefined) return { ...named, tags: "signature syntax error" };
  const problem = problemOf(tags, domain, selector);
  if (problem !== undefined) return { ...named, tags: problem };
  if (algorithm === "rsa-sha1") return { ...named, tags: WEAK_ALGORITHM };
  return {
    ...named,
    tags: {
      ...{ keyType, ...how, names: plain("h").split(":"), bodyHash: plain("bh") },
      bodyLength: tags.has("l") ? Number(plain("l")) : undefined,
      signature: Buffer.from(plain("b"), "base64"),
      expires: tags.has("x") ? Number(plain("x")) : undefined,
      identityDomain: tags.has("i") ? domainOfIdentity(plain("i")) : undefined,
    },
  };
}

const KEY_TYPES: ReadonlyMap<string, KeyType> = new Map([
  ["rsa-sha256", "rsa"],
  ["rsa-sha1", "rsa"],
  ["ed25519-sha256", "ed25519"],
]);

const REQUIRED = ["v", "b", "bh", "h"];
const NUMBERS = { t: /^[0-9]{1,12}$/, x: /^[0-9]{1,12}$/, l: /^[0-9]{1,76}$/ };
const LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
const DOMAIN = new RegExp(`^${LABEL}(?:\\.${LABEL})+$`);
/** With `_`, too: no host's name, but signers have it, and the DNS takes it. */
const SELECTOR =
  /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*$/;

/** RFC 6376 §6.1.1 */
function problemOf(tags: ReadonlyMap<string, string>, domain: string, selector: string): string | undefined {
  const plain = (name: string): string => withoutBlanks(tags.get(name) ?? "");
  if (REQUIRED.some((name) => plain(name) === "")) return "signature missing required tag";
  if (tags.get("v") !== "1") return OTHER_VERSION;
  for (const [name, format] of Object.entries(NUMBERS))
    if (tags.has(name) && !format.test(tags.get(name) ?? "")) return "signature syntax error";
  if (!DOMAIN.test(domain) || !SELECTOR.test(selector)) return "signature syntax error";
  if (tags.has("q") && !plain("q").toLowerCase().split(":").includes("dns/txt")) return "unsupported query method";
  if (tags.has("i")) {
    const identity = domainOfIdentity(plain("i"));
    if (identity === undefined || !DOMAIN.test(identity)) return "signature syntax error";
    if (identity !== domain && !identity.endsWith(`.${domain}`)) return "domain mismatch";
  }
  if (tags.has("x") && tags.has("t") && Number(plain("x")) <= Number(plain("t"))) return "invalid expiration";
  const names = plain("h").toLowerCase().split(":");
  // Else the author could be another one now.
  return names.includes("from") ? undefined : "From field not signed";
}

/** As A-labels, in lower case. Of an identity, nothing else of it matters. */
function domainOfIdentity(identity: string): string | undefined {
  const decoded = identity.replaceAll(/=([0-9A-Fa-f]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  const at = decoded.lastIndexOf("@");
  return at < 0 ? undefined : asciiName(decoded.slice(at + 1));
}

/** @param name latin1; a U-label has its octets of UTF-8. */
function asciiName(name: string): string {
  const lower = name.toLowerCase();
  if (!NON_ASCII.test(lower)) return lower;
  return domainToASCII(Buffer.from(name, "latin1").toString("utf8")).toLowerCase();
}

const NON_ASCII = /[^\x21-\x7e]/;
