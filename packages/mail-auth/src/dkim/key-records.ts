import { createPublicKey, type KeyObject } from "node:crypto";
import { fewAtATime } from "@postbus/mail";
import { startDeadline } from "../deadline.ts";
import { type LibraryResolver, QueryError } from "../query-adapter.ts";
import { strictTags, withoutBlanks } from "./strict-tags.ts";

/** A public key, or why there is none. */
export type KeyAnswer =
  | {
      readonly kind: "key";
      readonly key: KeyObject;
      readonly type: KeyType;
      /** `t=s`: of the domain itself, and not of others below it. */
      readonly isForDomainAlone: boolean;
      readonly record: string;
    }
  | { readonly kind: "none"; readonly reason: string; readonly record?: string }
  /** It is not known for now. */
  | { readonly kind: "unknown"; readonly reason: string };

export type KeyType = "rsa" | "ed25519";

/** Whose key, and which of his. */
export interface KeyName {
  readonly selector: string;
  readonly domain: string;
}

const recordName = ({ selector, domain }: KeyName): string => `${selector}._domainkey.${domain}`.toLowerCase();

/**
 * A server that does not answer must leave time for what else is asked of the message: a stranger's signature could keep it from
 * being judged by its author's policy.
 */
const KEY_MS = 4_000;
/** The same, of a check that has less time: so much of it. */
const KEY_SHARE = 0.5;
/** Keys of one message that are asked for at one time: the resolver has places for others, too. */
const KEYS_AT_ONCE = 3;
/** RFC 8301 §3.2 */
const MIN_RSA_BITS = 1024;
/** RFC 8301 §3.2 wants 4,096 to be taken, and nobody has more: a verification takes four times as long with twice as many. */
const MAX_RSA_BITS = 8192;
/**
 * Everybody has 65,537. One as long as the key makes a verification take 10 ms instead of 0.1, and a message may want a hundred of
 * them; OpenSSL has the same bound for keys above 3,072 bits.
 */
const MAX_RSA_EXPONENT = 2n ** 64n;
/** What stands before a key of 32 octets in DER (RFC 8410 §4). */
const ED25519_PREFIX = Buffer.from("302a300506032b6570032100", "hex");
const ED25519_OCTETS = 32;

/** What is said of a key that is too short. */
export const WEAK_KEY = "weak key";
/** What is said where there is none, and of one whose record is too long. */
export const NO_KEY = "no key";
export const OVERLONG_KEY = "overlong key";

/** The keys of a message's signers (RFC 6376 §3.6), each asked for once. */
export class KeyRecords {
  readonly #resolver: LibraryResolver;
  readonly #keyMs: number;
  readonly #answers = new Map<string, Promise<KeyAnswer>>();

  /** @param timeoutMs What the check may take. */
  constructor(resolver: LibraryResolver, timeoutMs: number) {
    this.#resolver = resolver;
    this.#keyMs = Math.min(KEY_MS, timeoutMs * KEY_SHARE);
  }

  get({ selector, domain }: KeyName): Promise<KeyAnswer> {
    const name = recordName({ selector, domain });
    return this.#answers.get(name) ?? this.#askFor(name, this.#keyMs);
  }

  /** Asks for some, in the time that one may have: each has its part of what those before it have left. */
  async ask(keys: readonly KeyName[]): Promise<void> {
    const names = [...new Set(keys.map(recordName))].filter((name) => !this.#answers.has(name));
    const endsAtMs = performance.now() + this.#keyMs;
    let left = names.length;
    await fewAtATime(names, KEYS_AT_ONCE, (name) => {
      const ms = (endsAtMs - performance.now()) / Math.ceil(left-- / KEYS_AT_ONCE);
      return this.#askFor(name, Math.max(1, ms));
    });
  }

  #askFor(name: string, ms: number): Promise<KeyAnswer> {
    const answer = this.#inTime(name, ms);
    this.#answers.set(name, answer);
    return answer;
  }

  async #inTime(name: string, ms: number): Promise<KeyAnswer> {
    const deadline = startDeadline(ms);
    try {
      return await this.#answer(name, deadline.signal);
    } finally {
      deadline.stop();
    }
  }

  async #answer(name: string, signal: AbortSignal): Promise<KeyAnswer> {
    try {
      const found = await this.#resolver(name, "TXT", signal);
      const records = found.map((strings) => [strings].flat().join(""));
      // Others may stand beside it, in any order; alone, it tells what is wrong.
      const record = records.find((text) => !OTHER_RECORD.test(text)) ?? records[0];
      return record === undefined ? { kind: "none", reason: NO_KEY } : readKey(record);
    } catch (err) {
      if (signal.aborted) return { kind: "unknown", reason: "DNS failure: timeout" };
      if (err instanceof QueryError && err.isOverlong) return { kind: "none", reason: OVERLONG_KEY };
      const code = err instanceof Error && "code" in err ? String(err.code) : "";
      if (code === "ENOTFOUND" || code === "ENODATA") return { kind: "none", reason: NO_KEY };
      return { kind: "unknown", reason: `DNS failure: ${code}` };
    }
  }
}

/** One that says that it is another thing: `v=spf1` (RFC 7208), `v=DMARC1`. */
const OTHER_RECORD = /^[ \t\r\n]*v[ \t\r\n]*=(?![ \t\r\n]*dkim)/i;

/** The key of a record (RFC 6376 §3.6.1, RFC 8463 §4), if it is one for signatures of mail with SHA-256. */
export function readKey(record: string): KeyAnswer {
  const none = (reason: string): KeyAnswer => ({ kind: "none", reason, record });
  // As in Exim: `k=rsa;; p=…` is what people write.
  const tags = strictTags(record, true);
  if (tags === undefined) return none("invalid public key");
  const encoded = withoutBlanks(tags.get("p") ?? "");
  // Empty: it has been revoked.
  if (encoded === "" || !BASE64.test(encoded)) return none("invalid public key");
  const version = tags.get("v");
  if (version !== undefined && (version !== "DKIM1" || tags.keys().next().value !== "v"))
    return none("unknown key version");
  if (!lists(tags, "s", ["email", "*"])) return none("key not for email");
  if (!lists(tags, "h", ["sha256"])) return none("inappropriate hash algorithm");
  const type = (tags.get("k") ?? "rsa").toLowerCase();
  if (type !== "rsa" && type !== "ed25519") return none("unknown key type");
  const octets = Buffer.from(encoded, "base64");
  const key = type === "ed25519" ? ed25519Key(octets) : rsaKey(octets);
  if (key === undefined) return none("unknown key type");
  const { modulusLength: bits, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (publicExponent > MAX_RSA_EXPONENT || (bits ?? 0) > MAX_RSA_BITS) return none("invalid public key");
  if (bits !== undefined && bits < MIN_RSA_BITS) return none(WEAK_KEY);
  const flags = tags.get("t");
  const isForDomainAlone = flags !== undefined && withoutBlanks(flags).toLowerCase().split(":").includes("s");
  return { kind: "key", key, type, isForDomainAlone, record };
}

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** Whether a list has one of these words in it, or is not there. */
function lists(tags: ReadonlyMap<string, string>, name: string, words: readonly string[]): boolean {
  const list = tags.get(name);
  if (list === undefined) return true;
  return withoutBlanks(list)
    .toLowerCase()
    .split(":")
    .some((word) => words.includes(word));
}

const ed25519Key = (octets: Buffer): KeyObject | undefined =>
  octets.length === ED25519_OCTETS ? asKey(Buffer.concat([ED25519_PREFIX, octets]), "spki", "ed25519") : undefined;

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
