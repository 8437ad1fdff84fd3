import { type Static, Type } from "typebox";

/** gateway → delivery, while the client waits: "would the host that takes mail for this address take it?" */
export const calloutSubject = "verify.callout";

/** Milliseconds that an answer is kept, by what it is about (Exim's `callout_…_expire`). */
const Keeps = Type.Object(
  {
    goodAddress: Type.Integer({ minimum: 0 }),
    badAddress: Type.Integer({ minimum: 0 }),
    goodDomain: Type.Integer({ minimum: 0 }),
    badDomain: Type.Integer({ minimum: 0 }),
  },
  { additionalProperties: false },
);

export const CalloutRequest = Type.Object(
  {
    v: Type.Literal(1),
    /** As routing leaves it: what RCPT says. */
    address: Type.String({ minLength: 1 }),
    /** Reverse-path of the test; empty: the null one. */
    mailFrom: Type.String(),
    /** Name of the transport that would take it there. */
    transport: Type.String({ minLength: 1 }),
    /** As in a delivery item; absent: the transport knows. */
    hosts: Type.Optional(Type.Array(Type.String({ minLength: 1 }))),
    hostAddresses: Type.Optional(Type.Array(Type.String())),
    connectTimeoutMs: Type.Integer({ minimum: 1 }),
    /** For each reply. */
    timeoutMs: Type.Integer({ minimum: 1 }),
    /** For all of it, all hosts together. */
    maxWaitMs: Type.Integer({ minimum: 1 }),
    /** Before the address, one that nobody has is tried: a host that takes that one takes all. */
    randomLocalPart: Type.Optional(Type.String({ minLength: 1 })),
    /** Behind the address, its domain's postmaster; `full`: if that is refused, `postmaster` without a domain. */
    postmaster: Type.Enum(["no", "postmaster", "full"]),
    postmasterMailFrom: Type.String(),
    /** For `event_action`; absent: neither the transport nor the main section has one. */
    session: Type.Optional(
      Type.Object(
        {
          verifies: Type.Enum(["sender", "recipient"]),
          returnPath: Type.String(),
          clientAddress: Type.String(),
        },
        { additionalProperties: false },
      ),
    ),
    /** Absent: neither is a kept answer used nor this one kept. */
    keeps: Type.Optional(Keeps),
  },
  { additionalProperties: false },
);
export type CalloutRequest = Static<typeof CalloutRequest>;

export const CalloutAnswer = Type.Object(
  {
    v: Type.Literal(1),
    result: Type.Enum(["good", "bad", "unknown"]),
    /** At which command it has ended, where it is not good; `mail`: at that one or before. */
    failure: Type.Optional(Type.Enum(["mail", "recipient", "postmaster"])),
    /** The host that has said so. */
    host: Type.Optional(Type.String()),
    hostAddress: Type.Optional(Type.String()),
    /** The command, and the reply with all its lines, LF between them, if there was one. */
    sent: Type.Optional(Type.String()),
    response: Type.Optional(Type.String()),
    /** For the log. */
    text: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
);
export type CalloutAnswer = Static<typeof CalloutAnswer>;
