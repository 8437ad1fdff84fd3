import { type Static, Type } from "typebox";
import { subjectToken } from "./subject-token.ts";

/** Key-value bucket: to what nothing is delivered for now, by an operator's wish. */
export const suspensionBucket = "suspensions";

export const Suspension = Type.Object(
  {
    v: Type.Literal(1),
    /** A domain of recipients, or the name or IP address of a host, in lower case. */
    target: Type.String({ minLength: 1, maxLength: 255 }),
    reason: Type.String({ maxLength: 200 }),
    /** Milliseconds since the epoch. */
    sinceMs: Type.Integer({ minimum: 0 }),
    /** Milliseconds since the epoch: it ends by itself; absent: an operator ends it. */
    untilMs: Type.Optional(Type.Integer({ minimum: 0 })),
  },
  { additionalProperties: false },
);
export type Suspension = Static<typeof Suspension>;

/** There is one for each target. */
export const suspensionKey = (target: string): string => subjectToken(target);
