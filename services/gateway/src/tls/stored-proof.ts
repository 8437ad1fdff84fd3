import { type OcspProof, validUntilMs } from "@postbus/tls";
import { type Static, Type } from "typebox";

/** What the gateways share of one certificate's proof, in the key-value store. */
export const StoredProof = Type.Object(
  {
    v: Type.Literal(1),
    /** DER, in Base64. */
    proof: Type.Optional(Type.String({ maxLength: 90_000 })),
    /** When the responder is to be asked again. */
    nextMs: Type.Integer(),
    /** How often it has not helped since it did. */
    failures: Type.Integer({ minimum: 0 }),
  },
  { additionalProperties: false },
);
export type StoredProof = Static<typeof StoredProof>;

/** While one gateway asks, no other does; it has 15 seconds for it. */
const CLAIM_MS = 60_000;
const FIRST_PAUSE_MS = 60_000;
const MAX_PAUSE_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** The same, with the responder in somebody's hands: if that one dies, another asks a minute later. */
export function claimed(stored: StoredProof | undefined, nowMs: number): StoredProof {
  return { v: 1, failures: 0, ...stored, nextMs: nowMs + CLAIM_MS };
}

/**
 * After a success: the next proof is wanted when half of the time of this one is over, a tenth earlier or later, so that the
 * certificates of a fleet do not come all at once. A responder may give what it has for long; then it is half of what is left.
 *
 * @param random From 0 to 1.
 */
export function renewed(proof: OcspProof, nowMs: number, random: number): StoredProof {
  const endMs = validUntilMs(proof);
  const halfMs = (endMs - proof.thisUpdateMs) / 2;
  const dueMs = proof.thisUpdateMs + halfMs * (0.9 + 0.2 * random);
  const leftMs = Math.max((endMs - nowMs) / 2, FIRST_PAUSE_MS);
  const nextMs = Math.max(dueMs, nowMs + Math.min(leftMs, MAX_PAUSE_MS));
  return { v: 1, proof: proof.der.toString("base64"), nextMs: Math.round(nextMs), failures: 0 };
}

/** After a failure: the old proof stays, and the pause doubles up to an hour. @param keepsProof Not of what is revoked. */
export function failed(
  stored: StoredProof | undefined,
  nowMs: number,
  random: number,
  keepsProof: boolean,
): StoredProof {
  const failures = (stored?.failures ?? 0) + 1;
  const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(failures - 1, 10), MAX_PAUSE_MS);
  const proof = keepsProof && stored?.proof !== undefined ? { proof: stored.proof } : {};
  return { v: 1, ...proof, nextMs: Math.round(nowMs + pauseMs * (0.9 + 0.2 * random)), failures };
}

/** How long the store keeps it: beyond its end, so that failures are remembered, and not for ever. */
export function keptMs({ nextMs }: StoredProof, nowMs: number): number {
  return Math.max(nextMs - nowMs, 0) + 7 * DAY_MS;
}
