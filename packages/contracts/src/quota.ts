import { type Static, Type } from "typebox";
import { CarriedValue } from "./carried-value.ts";

/** gateway → delivery, while the client waits: "is there room in this address's mailbox?" */
export const quotaSubject = "verify.quota";

export const QuotaRequest = Type.Object(
  {
    v: Type.Literal(1),
    /** As routing leaves it. */
    address: Type.String({ minLength: 1 }),
    /** Octets, as the client has announced them (RFC 1870); 0: it has not. */
    size: Type.Integer({ minimum: 0 }),
    /** Name of the transport that would deliver it. */
    transport: Type.String({ minLength: 1 }),
    /** The variables that the transport's options may name, as in a delivery item. */
    variables: Type.Record(Type.String(), CarriedValue),
    /** As the router names them. */
    user: Type.Optional(Type.String()),
    group: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
);
export type QuotaRequest = Static<typeof QuotaRequest>;

export const QuotaAnswer = Type.Object(
  {
    v: Type.Literal(1),
    result: Type.Enum(["good", "full", "unknown"]),
    /** For the log. */
    text: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
);
export type QuotaAnswer = Static<typeof QuotaAnswer>;
