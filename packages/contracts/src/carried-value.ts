import { type Static, Type } from "typebox";

/** A variable of the policy on its way with the message, octets as latin1; in an object: a peer has chosen it, at least in part. */
export const CarriedValue = Type.Union([
  Type.String(),
  Type.Object({ tainted: Type.String() }, { additionalProperties: false }),
]);
export type CarriedValue = Static<typeof CarriedValue>;
