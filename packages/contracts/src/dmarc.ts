import { type Static, Type } from "typebox";

/** What a domain asks for (`p=`, `sp=`, `np=`). */
const Policy = Type.Enum(["none", "quarantine", "reject"]);
/** RFC 9989 §4.7: relaxed or strict. */
const Alignment = Type.Enum(["r", "s"]);

/** A reporting address as it was published, with the limit behind it (`!10m`) if there is one. */
const ReportUri = Type.String({ minLength: 1, maxLength: 500 });

/** A DMARC policy record (RFC 9989 §4.7), read. Texts are printable ASCII. */
export const DmarcRecord = Type.Object(
  {
    /** Where it was found, without `_dmarc`. */
    domain: Type.String({ minLength: 1 }),
    /** `none` also for a record whose policies are wrong, and that asks for reports (RFC 9989 §4.10.1). */
    p: Policy,
    sp: Type.Optional(Policy),
    np: Type.Optional(Policy),
    adkim: Alignment,
    aspf: Alignment,
    /** As published. */
    fo: Type.Optional(Type.String({ maxLength: 20 })),
    /** `t=y` */
    isTest: Type.Optional(Type.Literal(true)),
    /** `pct=`, which nobody obeys any more. */
    percent: Type.Integer({ minimum: 0, maximum: 100 }),
    rua: Type.Array(ReportUri),
    ruf: Type.Array(ReportUri),
    /** Found by the list of public suffixes (RFC 7489), not by the tree walk of RFC 9989. */
    isBySuffixes: Type.Optional(Type.Literal(true)),
  },
  { additionalProperties: false },
);
export type DmarcRecord = Static<typeof DmarcRecord>;

/** What DMARC has found out besides its result. */
export const DmarcDetail = Type.Object(
  {
    /** Domains that SPF, or a DKIM signature, has proved and that are the author's. */
    isSpfAligned: Type.Boolean(),
    isDkimAligned: Type.Boolean(),
    /** Absent: none is in force. */
    record: Type.Optional(DmarcRecord),
  },
  { additionalProperties: false },
);
export type DmarcDetail = Static<typeof DmarcDetail>;

/**
 * gateway, logger → verifier: who of those whom a domain's record names may be sent reports about it? (RFC 9990 §4,
 * `<domain>._report._dmarc.<destination>`)
 */
export const verifyDestinationsSubject = "verify.destinations";

export const DestinationsRequest = Type.Object(
  {
    v: Type.Literal(1),
    /** Where the record was found. */
    domain: Type.String({ minLength: 1 }),
    uris: Type.Array(ReportUri, { maxItems: 10 }),
    /** Which tag of a destination's own record may name another address there. */
    tag: Type.Enum(["rua", "ruf"]),
    /** As in `MessageRequest`. */
    suffixFile: Type.Optional(Type.String({ minLength: 1 })),
  },
  { additionalProperties: false },
);
export type DestinationsRequest = Static<typeof DestinationsRequest>;

export const DestinationsAnswer = Type.Object(
  {
    v: Type.Literal(1),
    destinations: Type.Array(
      Type.Object(
        {
          address: Type.String({ minLength: 3 }),
          /** What the address takes at most, octets; absent: it does not say. */
          maxOctets: Type.Optional(Type.Number({ minimum: 0 })),
        },
        { additionalProperties: false },
      ),
    ),
    /** The DNS gave no answer about somebody: ask again later. */
    isIncomplete: Type.Optional(Type.Literal(true)),
  },
  { additionalProperties: false },
);
export type DestinationsAnswer = Static<typeof DestinationsAnswer>;
