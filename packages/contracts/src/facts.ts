import { type Static, Type } from "typebox";

/** RFC 8601 §2.7: the results that authentication methods give, all of them together. */
const Result = Type.Enum(["none", "pass", "fail", "softfail", "neutral", "policy", "temperror", "permerror"]);

export const SpfFact = Type.Object(
  {
    result: Result,
    /** The domain whose record was used: MAIL FROM's, or HELO for the null reverse-path (RFC 7208 §2.4). */
    domain: Type.String(),
    /** What is wrong with the record, or with the DNS; control characters are removed. */
    comment: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
);
export type SpfFact = Static<typeof SpfFact>;

export const DkimFact = Type.Object(
  {
    result: Result,
    /** `d=` of the signature. */
    domain: Type.String(),
    /** `s=` of the signature. */
    selector: Type.String(),
    algorithm: Type.Optional(Type.String()),
    comment: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
);
export type DkimFact = Static<typeof DkimFact>;

export const DmarcFact = Type.Object(
  {
    result: Result,
    /** RFC5322.From domain. */
    domain: Type.String(),
    /** What the domain's owner asks for: `none`, `quarantine`, `reject`; absent without a record. */
    policy: Type.Optional(Type.String()),
    comment: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
);
export type DmarcFact = Static<typeof DmarcFact>;

/** The chain of seals of a message (RFC 8617). */
export const ArcFact = Type.Object(
  {
    result: Type.Enum(["none", "pass", "fail"]),
    /** Why it fails, in Exim's words where it has some. */
    reason: Type.Optional(Type.String()),
    /** The newest; 0: there is none, or the sets are no chain. */
    instance: Type.Integer({ minimum: 0 }),
    /** The lowest instance since which the message is as it was; 0: there is none. */
    oldestPass: Type.Integer({ minimum: 0 }),
    /** Who has sealed, from the first on; empty texts for one that is missing. */
    hops: Type.Array(
      Type.Object(
        {
          domain: Type.String(),
          selector: Type.String(),
          /** From where the hop got the message, as it says. */
          clientAddress: Type.Optional(Type.String()),
        },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
);
export type ArcFact = Static<typeof ArcFact>;

/** What verifier found out about a message; travels with it. */
export const Facts = Type.Object(
  {
    spf: Type.Optional(SpfFact),
    dkim: Type.Optional(Type.Array(DkimFact)),
    dmarc: Type.Optional(DmarcFact),
    arc: Type.Optional(ArcFact),
  },
  { additionalProperties: false },
);
export type Facts = Static<typeof Facts>;
