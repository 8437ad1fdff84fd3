import type { DkimFact, DkimLimits, DkimSignature } from "@postbus/contracts";
import type { BodyDigest, BodyHashes } from "../canonical/body-hashes.ts";
import type { SignedHeader } from "../canonical/signed-header.ts";
import { withoutSignature } from "../canonical/without-signature.ts";
import { cleanText } from "../clean-text.ts";
import { hasExpired } from "../expiry.ts";
import type { Field } from "../header-section.ts";
import type { Result } from "../result.ts";
import { describeSignature } from "./describe-signature.ts";
import { type KeyRecords, NO_KEY, OVERLONG_KEY, WEAK_KEY } from "./key-records.ts";
import { signatureHolds } from "./keyed-verification.ts";
import { type NamedSignature, readSignature, type VerifiableTags, WEAK_ALGORITHM } from "./read-signature.ts";

/** Signatures that are checked, from the top: each costs a key query, a hash of the body and a verification. */
export const MAX_SIGNATURES = 10;

/** Octets of one signature field; a longer one is not looked at. Honest ones have 1 KB, with copied fields (`z=`) a few. */
const MAX_SIGNATURE_OCTETS = 16 * 1024;

/** What stands for those that are too long. */
const NO_SIGNATURE = "DKIM-Signature:";

const BODY_DIFFERS = "body hash did not verify";
/** The operator takes it for none (`DkimLimits`). */
const REFUSED = "algorithm refused";
const ED25519_BITS = 256;

/** A signature with what DMARC wants to know of it. */
export interface CheckedSignature {
  readonly fact: DkimFact;
  /** Octets of the body that the signature leaves open (`l=`). */
  readonly underSized?: number;
  /** All about it; undefined: it is none that an ACL would be asked about. */
  describe(): DkimSignature | undefined;
}

interface Signature {
  /** Undefined: it is not looked at. */
  readonly field: Field | undefined;
  readonly text: string;
  readonly named: NamedSignature;
}

interface Verdict {
  readonly result: Result;
  readonly comment: string;
  readonly keyRecord?: string | undefined;
  readonly underSized?: number;
}

/** The signatures of a message (RFC 6376, RFC 8301, RFC 8463), as far as they can be told before its body has been read. */
export class DkimCheck {
  readonly #header: SignedHeader;
  readonly #hashes: BodyHashes;
  readonly #limits: DkimLimits | undefined;
  readonly #signatures: readonly Signature[];

  /** @param hashes Gets to know what is wanted of the body. @param limits What is taken for a signature; absent: all are. */
  constructor(header: SignedHeader, fields: readonly Field[], hashes: BodyHashes, limits: DkimLimits | undefined) {
    this.#header = header;
    this.#hashes = hashes;
    this.#limits = limits;
    const all = fields.filter(({ name }) => name === "dkim-signature");
    const texts: { field?: Field; text: string }[] = all
      .filter(({ start, end }) => end - start <= MAX_SIGNATURE_OCTETS)
      .slice(0, MAX_SIGNATURES)
      .map((field) => ({ field, text: header.text(field) }));
    // That nothing was looked at would mean that the check could not be made.
    if (texts.length === 0 && all.length > 0) texts.push({ text: NO_SIGNATURE });
    this.#signatures = texts.map(({ field, text }) => {
      const named = readSignature(text.slice(text.indexOf(":") + 1));
      return { field, text, named: isRefused(named, limits) ? { ...named, tags: REFUSED } : named };
    });
    for (const { named } of this.#signatures)
      if (typeof named.tags !== "string") hashes.want(named.tags.body, named.tags.bodyLength);
  }

  /** Behind the body; one for each signature that is looked at, from the top. */
  async results(keys: KeyRecords, nowMs: number): Promise<readonly CheckedSignature[]> {
    const isWanted = ({ tags }: NamedSignature): boolean =>
      typeof tags !== "string" && this.#bodyOf(tags) !== undefined;
    await keys.ask(this.#signatures.map(({ named }) => named).filter(isWanted));
    return Promise.all(
      this.#signatures.map(async (signature) => {
        const { text, named } = signature;
        const verdict =
          typeof named.tags === "string"
            ? unverifiable(named.tags)
            : await this.#verify(signature, named.tags, keys, nowMs);
        return described(text, named, verdict);
      }),
    );
  }

  /** What the body comes to, if it is the one that was signed. */
  #bodyOf({ body, bodyLength, bodyHash }: VerifiableTags): BodyDigest | undefined {
    const digest = this.#hashes.digest(body, bodyLength);
    return digest?.hash === bodyHash ? digest : undefined;
  }

  async #verify(
    { field, text, named: { domain, selector } }: Signature,
    tags: VerifiableTags,
    keys: KeyRecords,
    nowMs: number,
  ): Promise<Verdict> {
    const digest = this.#bodyOf(tags);
    if (digest === undefined) return { result: "fail", comment: BODY_DIFFERS };
    const open = tags.bodyLength === undefined ? 0 : digest.octets - Math.min(tags.bodyLength, digest.octets);
    const answer = await keys.get({ selector, domain });
    const found = {
      ...(open > 0 ? { underSized: open } : {}),
      ...("record" in answer ? { keyRecord: answer.record } : {}),
    };
    if (answer.kind === "unknown") return { ...found, result: "temperror", comment: answer.reason };
    if (answer.kind === "none") return { ...found, ...withoutKey(answer.reason) };
    if (answer.type !== tags.keyType) return { ...found, result: "neutral", comment: "inappropriate key algorithm" };
    if (answer.isForDomainAlone && tags.identityDomain !== undefined && tags.identityDomain !== domain)
      return { ...found, result: "neutral", comment: "domain mismatch" };
    const signed = this.#header.named(tags.names, tags.header, field);
    const own = this.#header.canonicalOf(withoutSignature(text), tags.header);
    if (!signatureHolds(signed + own, answer, tags.signature))
      return { ...found, result: "fail", comment: "bad signature" };
    // The signer's own wish (RFC 6376 §3.5, x=).
    if (hasExpired(tags.expires, nowMs)) return { ...found, result: "fail", comment: "expired" };
    const bits = answer.key.asymmetricKeyDetails?.modulusLength ?? ED25519_BITS;
    if (bits < (this.#limits?.leastBits[answer.type] ?? 0)) return { ...found, ...withoutKey(WEAK_KEY) };
    return { ...found, result: "pass", comment: "" };
  }
}

/** Whether the operator takes no signatures of this kind, which is said of none that cannot be told. */
function isRefused({ algorithm }: NamedSignature, limits: DkimLimits | undefined): boolean {
  const [keyType = "", hash = ""] = algorithm.split("-");
  return limits !== undefined && !(limits.hashes.includes(hash) && limits.keyTypes.includes(keyType));
}

/** RFC 8601 §2.7.1 has no nearer word than neutral; for what the operator does not take, it has one. */
const unverifiable = (comment: string): Verdict => ({
  result: comment === WEAK_ALGORITHM || comment === REFUSED ? "policy" : "neutral",
  comment,
});

/** Without a key there is no recovery but by the signer's doing. */
const withoutKey = (comment: string): Verdict => ({
  result: comment === NO_KEY || comment === OVERLONG_KEY ? "permerror" : comment === WEAK_KEY ? "policy" : "neutral",
  comment,
});

function described(field: string, named: NamedSignature, verdict: Verdict): CheckedSignature {
  const { result, comment: words, keyRecord, underSized } = verdict;
  const comment = cleanText(words);
  const algorithm = cleanText(named.algorithm, 32);
  return {
    fact: {
      result,
      domain: cleanText(named.domain, 253),
      selector: cleanText(named.selector, 253),
      ...(algorithm === "" ? {} : { algorithm }),
      ...(comment === "" ? {} : { comment }),
    },
    ...(underSized === undefined ? {} : { underSized }),
    describe: () =>
      comment === REFUSED
        ? undefined
        : describeSignature(field.slice(field.indexOf(":") + 1), { result, comment, keyRecord }),
  };
}
