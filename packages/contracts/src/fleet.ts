import { type Static, Type } from "typebox";

/** Key-value bucket in which every running service says that it is there; entries expire. */
export const fleetBucket = "fleet";
/** How often an instance says so, and after how long it is taken for gone. */
export const FLEET_BEAT_MS = 5_000;
export const FLEET_EXPIRY_MS = 20_000;

export const FleetMember = Type.Object(
  {
    v: Type.Literal(1),
    service: Type.String(),
    /** Host name and process, unique in the fleet. */
    instance: Type.String(),
    version: Type.String(),
    /** Hash of the policy in force. */
    policyVersion: Type.Optional(Type.String()),
    startedAtMs: Type.Integer(),
    seenAtMs: Type.Integer(),
    state: Type.Union([Type.Literal("starting"), Type.Literal("ready"), Type.Literal("stopping")]),
  },
  { additionalProperties: false },
);
export type FleetMember = Static<typeof FleetMember>;
