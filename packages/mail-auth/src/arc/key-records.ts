import { createPublicKey, type KeyObject } from "node:crypto";
import type { LibraryResolver } from "../query-adapter.ts";
import { strictTags, withoutBlanks } from "./strict-tags.ts";

/** A public key, or why there is none. */
export type KeyAnswer =
  | { readonly kind: "key"; readonly key: KeyObject; readonly type: KeyType }
  | { readonly kind: "none"; readonly reason: string }
  /** It is not known for now. */
  | { readonly kind: "unknown"; readonly reason: string };

export type KeyType = "rsa" | "ed25519";

/** RFC 8301 §3.2; what takes longer than that to check is none of honest mail. */
const MIN_RSA_BITS = 1024;
const MAX_RSA_BITS = 8192;
/** What stands before a key of 32 octets in DER (RFC 8410 §4). */
const ED25519_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

/** The keys of a message's signers (RFC 6376 §3.6), each asked for once. */
export class KeyRecords {
  readonly #resolver: LibraryResolver;
  readonly #answers = new Map<string, Promise<KeyAnswer>>();

  constructor(resolver: LibraryResolver) {
    this.#resolver = resolver;
  }

  get(selector: string, domain: string): Promise<KeyAnswer> {
    const name = `${selector}._domainkey.${domain}`.toLowerCase();
    const known = this.#answers.get(name);
    if (known !== undefined) return known;
    const asked = this.#ask(name);
    this.#answers.set(name, asked);
    return asked;
  }

  async #ask(name: string): Promise<KeyAnswer> {
    try {
      const [record] = await this.#resolver(name, "TXT");
      return record === undefined ? noKey("no key") : readKey([record].flat().join(""));
    } catch (err) {
      const code = err instanceof Error && "code" in err ? err.code : undefined;
      if (code === "ENOTFOUND" || code === "ENODATA") return noKey("no key");
      return { kind: "unknown", reason: "no answer about the key" };
    }
  }
}

const noKey = (reason: string): KeyAnswer => ({ kind: "none", reason });

/** The key of a record (RFC 6376 §3.6.1, RFC 8463 §4), if it is one for signatures of mail with SHA-256. */
export function readKey(record: string): KeyAnswer {
  const tags = strictTags(record);
  if (tags === undefined) return noKey("key record syntax");
  const version = tags.get("v");
  if (version !== undefined && (version !== "DKIM1" || [...tags.keys()][0] !== "v")) return noKey("key record version");
  const type = (tags.get("k") ?? "rsa").toLowerCase();
  if (type !== "rsa" && type !== "ed25519") return noKey("unknown key type");
  const lists = (name: string, word: string): boolean => {
    const list = tags.get(name);
    if (list === undefined) return true;
    const words = withoutBlanks(list).toLowerCase().split(":");
    return words.includes(word) || (name === "s" && words.includes("*"));
  };
  if (!lists("s", "email")) return noKey("key not for email");
  if (!lists("h", "sha256")) return noKey("key not for sha256");
  const octets = Buffer.from(withoutBlanks(tags.get("p") ?? ""), "base64");
  if (octets.length === 0) return noKey("key revoked");
  const key = type === "ed25519" ? ed25519Key(octets) : rsaKey(octets);
  if (key === undefined) return noKey("invalid public key");
  const bits = key.asymmetricKeyDetails?.modulusLength;
  if (bits !== undefined && (bits < MIN_RSA_BITS || bits > MAX_RSA_BITS)) return noKey("key length");
  return { kind: "key", key, type };
}

const ed25519Key = (octets: Buffer): KeyObject | undefined =>
  octets.length === 32 ? asKey(Buffer.concat([ED25519_PREFIX, octets]), "spki", "ed25519") : undefined;

const rsaKey = (octets: Buffer): KeyObject | undefined => asKey(octets, "spki", "rsa") ?? asKey(octets, "pkcs1", "rsa");

function asKey(key: Buffer, type: "spki" | "pkcs1", wanted: KeyType): KeyObject | undefined {
  try {
    const read = createPublicKey({ key, format: "der", type });
    return read.asymmetricKeyType === wanted ? read : undefined;
  } catch {
    // Not in this form.
    return undefined;
  }
}
