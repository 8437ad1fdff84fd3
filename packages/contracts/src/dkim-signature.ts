import { type Static, Type } from "typebox";

/** The key of a signature, as the DNS has it (RFC 6376 §3.6.1). */
const DkimKey = Type.Object(
  {
    /** `t=y` */
    testing: Type.Boolean(),
    /** `t=s` */
    noSubdomains: Type.Boolean(),
    /** `s=`, `g=`, `n=`; absent: not there. */
    serviceTypes: Type.Optional(Type.String()),
    granularity: Type.Optional(Type.String()),
    notes: Type.Optional(Type.String()),
    /** Bits. */
    length: Type.Optional(Type.Integer({ minimum: 0 })),
  },
  { additionalProperties: false },
);

/** All that the DKIM ACL of a policy is told of one signature (RFC 6376 §3.5). Texts are printable ASCII. */
export const DkimSignature = Type.Object(
  {
    status: Type.Enum(["none", "invalid", "fail", "pass"]),
    /** Exim's word for why; empty: there is none. */
    reason: Type.String(),
    /**
     * What it is precisely, where Exim's word has two meanings or there is none: there is no such key, its record is too long, the
     * signature has another version. Absent: it was not asked for, or `reason` says it.
     */
    fault: Type.Optional(Type.Enum(["no key", "overlong key", "version"])),
    domain: Type.String(),
    /** `i=`; absent: not there. */
    identity: Type.Optional(Type.String()),
    selector: Type.String(),
    algorithm: Type.String(),
    headerCanonicalization: Type.String(),
    bodyCanonicalization: Type.String(),
    /** `l=`, octets. */
    bodyLength: Type.Optional(Type.Integer({ minimum: 0 })),
    /** `t=` and `x=`, seconds. */
    created: Type.Optional(Type.Integer({ minimum: 0 })),
    expires: Type.Optional(Type.Integer({ minimum: 0 })),
    /** `h=`: names, with colons between them. */
    headerNames: Type.String(),
    /** `z=` */
    copiedHeaders: Type.String(),
    /** Of `b=`; absent: it was not asked for. */
    signatureBits: Type.Optional(Type.Integer({ minimum: 0 })),
    /** Absent: none was found, or none was looked for. */
    key: Type.Optional(DkimKey),
  },
  { additionalProperties: false },
);
export type DkimSignature = Static<typeof DkimSignature>;
