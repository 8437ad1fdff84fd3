import { type Static, Type } from "typebox";
import { DkimSignature } from "./dkim-signature.ts";
import { DmarcDetail } from "./dmarc.ts";
import { ArcFact, DkimFact, DmarcFact, SpfFact } from "./facts.ts";

/** gateway → verifier, at MAIL: "may this host send for this domain?" (RFC 7208). No content. */
export const verifySpfSubject = "verify.spf";
/** gateway → verifier, at the final dot: DKIM, DMARC and ARC of the content that comes with the request. */
export const verifyMessageSubject = "verify.message";

/**
 * DNS queries for one message at the most, of all checks together: no honest one needs a tenth. Whoever wrote the message, or the
 * records, decides what is asked.
 */
export const MESSAGE_QUERIES = 200;
/** Of them, those of SPF: what RFC 7208 §4.6.4 allows, ten `mx` terms of ten hosts each, and the record. The others are left. */
export const SPF_QUERIES = 112;

/** In any question about a message. A verifier that does not know these words does not answer: it is updated first. */
const Asking = {
  /** So long the asker waits for the answer, milliseconds: what the DNS has not said by then is a temporary error. */
  withinMs: Type.Optional(Type.Integer({ minimum: 1 })),
  /** DNS queries that other questions about this message have cost. The answer says what this one has. */
  spentQueries: Type.Optional(Type.Integer({ minimum: 0 })),
};
/** DNS queries that a question has cost, where `spentQueries` says that somebody counts them. */
const Queries = Type.Optional(Type.Integer({ minimum: 0 }));

export const SpfRequest = Type.Object(
  {
    v: Type.Literal(1),
    /** IP address of the client, without brackets. */
    clientAddress: Type.String({ minLength: 2 }),
    helo: Type.String(),
    /** Empty for the null reverse-path. */
    returnPath: Type.String(),
    /** Instead of the domain's own (`spf_guess`). A verifier that does not know this word, or the next, does not answer: it is updated first. */
    record: Type.Optional(Type.String()),
    /** The answer is to have `reason`. */
    wantsReason: Type.Optional(Type.Literal(true)),
    ...Asking,
  },
  { additionalProperties: false },
);
export type SpfRequest = Static<typeof SpfRequest>;

export const SpfAnswer = Type.Object(
  {
    v: Type.Literal(1),
    spf: SpfFact,
    /** Where it was wanted, and there is one: what has decided, a mechanism of the record or that none has matched. */
    reason: Type.Optional(Type.Enum(["mechanism", "default"])),
    queries: Queries,
  },
  { additionalProperties: false },
);
export type SpfAnswer = Static<typeof SpfAnswer>;

/** What a header section has at the most (Exim's `header_maxsize`), unless a policy wants more. */
export const USUAL_HEADER_OCTETS = 1024 * 1024;

/** What the policy takes for a signature (Exim's `dkim_verify_hashes`, `…_keytypes`, `…_min_keysizes`, `…_minimal`). */
export const DkimLimits = Type.Object(
  {
    /** `sha256`, … */
    hashes: Type.Array(Type.String(), { maxItems: 20 }),
    /** `rsa`, `ed25519` */
    keyTypes: Type.Array(Type.String(), { maxItems: 20 }),
    /** Bits of a key, by its type. */
    leastBits: Type.Record(Type.String(), Type.Integer({ minimum: 0 })),
    /** Behind the first signature that holds, none is told of. DMARC goes by all. */
    isMinimal: Type.Optional(Type.Literal(true)),
  },
  { additionalProperties: false },
);
export type DkimLimits = Static<typeof DkimLimits>;

export const MessageRequest = Type.Object(
  {
    v: Type.Literal(1),
    messageId: Type.String({ minLength: 1 }),
    /** IP address of the client: who asks much waits for himself. As below, a word that an older verifier does not know. */
    clientAddress: Type.Optional(Type.String({ minLength: 2 })),
    /** For DMARC's alignment (RFC 9989); absent when SPF was not asked. */
    spf: Type.Optional(SpfFact),
    /** The answer is to have `signatures`. A verifier that does not know the word does not answer: it is updated first. */
    wantsSignatures: Type.Optional(Type.Literal(true)),
    /** Each of `signatures` is to say how long it is. */
    wantsSignatureBits: Type.Optional(Type.Literal(true)),
    /** Each of `signatures` is to say why it is invalid, where its `reason` does not. */
    wantsSignatureFaults: Type.Optional(Type.Literal(true)),
    /** Absent: RFC 8301's. */
    dkimLimits: Type.Optional(DkimLimits),
    /** Signatures are not verified, as if there were none. */
    skipsDkim: Type.Optional(Type.Literal(true)),
    /** DMARC is not checked: nothing is said of it (`none`). */
    skipsDmarc: Type.Optional(Type.Literal(true)),
    /** The answer is to have `arc`. */
    wantsArc: Type.Optional(Type.Literal(true)),
    /** The answer is to have `dmarcDetail`; as above. */
    wantsDmarcDetail: Type.Optional(Type.Literal(true)),
    /** Of the header section, where it is longer than usual; as above. */
    headerOctets: Type.Optional(Type.Integer({ minimum: 1 })),
    /** File with the list of public suffixes, where domains are found by that (RFC 7489). */
    suffixFile: Type.Optional(Type.String({ minLength: 1 })),
    ...Asking,
  },
  { additionalProperties: false },
);
export type MessageRequest = Static<typeof MessageRequest>;

export const MessageAnswer = Type.Object(
  {
    v: Type.Literal(1),
    dkim: Type.Array(DkimFact),
    dmarc: DmarcFact,
    /** Where they were wanted. */
    signatures: Type.Optional(Type.Array(DkimSignature)),
    /** Where it was wanted. */
    arc: Type.Optional(ArcFact),
    dmarcDetail: Type.Optional(DmarcDetail),
    queries: Queries,
  },
  { additionalProperties: false },
);
export type MessageAnswer = Static<typeof MessageAnswer>;

/**
 * Of `verify.message`: so much is asked about this client or domain that nothing was looked at. That is no fact about the
 * message, which is put off. In its form an answer like others, for an asker that does not know it.
 */
export const busyAnswer: MessageAnswer = {
  v: 1,
  dkim: [],
  dmarc: { result: "temperror", domain: "", comment: "too many questions about one sender at one time" },
};

/**
 * Whether nothing was looked at: there was no place, or the check could not be carried through. That is no fact about the message.
 * What the DNS did not say has the domain of the author, or signatures.
 */
export const isUnchecked = ({ dkim, dmarc }: Pick<MessageAnswer, "dkim" | "dmarc">): boolean =>
  dkim.length === 0 && isUncheckedDmarc(dmarc);

/** Whether DMARC was not looked at, though it was wanted. */
export const isUncheckedDmarc = ({ result, domain }: DmarcFact): boolean => result === "temperror" && domain === "";
