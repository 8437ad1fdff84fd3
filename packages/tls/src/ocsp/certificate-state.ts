import type { OwnCertificate } from "../own-certificate.ts";
import type { Staple } from "./load-staples.ts";
import { type ProofFault, proofFaultAt, validUntilMs } from "./ocsp-proof.ts";

/** How long a certificate and its proof hold, for those who watch. */
export interface CertificateState {
  /** Its file. */
  readonly file: string;
  readonly expiresAtMs: number;
  /** Until when clients that ask are shown a proof; 0: they are not now. Undefined: they never are. */
  readonly proofExpiresAtMs: number | undefined;
  /** Why they are not, or why it is an older one than that of the file. */
  readonly fault: ProofFault | undefined;
}

/** @param staple Undefined: nobody answers clients that ask for a proof. */
export function certificateState(
  { file, leaf }: OwnCertificate,
  staple: Staple | undefined,
  nowMs: number,
): CertificateState {
  const expiresAtMs = leaf.validToDate.getTime();
  if (staple?.hasSource !== true) return { file, expiresAtMs, proofExpiresAtMs: undefined, fault: undefined };
  const { proof, fault } = staple;
  const late = proof && proofFaultAt(proof, nowMs);
  const isShown = proof !== undefined && late === undefined;
  return { file, expiresAtMs, proofExpiresAtMs: isShown ? validUntilMs(proof) : 0, fault: fault ?? late };
}
