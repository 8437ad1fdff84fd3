import { X509Certificate } from "node:crypto";
import { isIdOf } from "./certificate-id.ts";
import { DerError } from "./der.ts";
import { type OcspResponse, parseOcspResponse } from "./ocsp-response.ts";
import { isSignedBy } from "./response-signature.ts";

/** A response that says that one certificate is good, checked, to be shown to clients. */
export interface OcspProof {
  readonly der: Buffer;
  readonly thisUpdateMs: number;
  /** When there must be a newer one. */
  readonly nextUpdateMs: number;
  /** The certificate of whom has signed it is no longer valid then; undefined: the issuer itself has. */
  readonly signerExpiresAtMs: number | undefined;
}

/** Why a response is not shown to anybody; few words, for metrics. */
export type ProofFault =
  | "unreadable"
  | "other certificate"
  | "bad signature"
  | "revoked"
  | "unknown"
  | "no next update"
  | "not yet valid"
  | "expired";

/** A certificate, and who has issued it, if that is known: the proof may bring its certificate along. */
export interface Certified {
  readonly certificate: X509Certificate;
  readonly issuer: X509Certificate | undefined;
}

/** Clocks differ by so much: what Exim allows. */
const SLACK_MS = 300_000;
/** Certificates of signers to be tried: a response needs one. */
const MAX_SIGNERS = 8;
/** RFC 6960 §4.2.2.2 */
const OCSP_SIGNING = "1.3.6.1.5.5.7.3.9";

/**
 * Checks a response for one certificate: what it is about, who says it, what it says, and when. A response without
 * `nextUpdate` is no proof: nobody could tell how old it is.
 *
 * @returns what is wrong with it in one word, and in words.
 */
export function checkOcspProof(
  octets: Buffer,
  { certificate, issuer }: Certified,
  nowMs: number,
): OcspProof | { readonly fault: ProofFault; readonly text: string } {
  try {
    const response = parseOcspResponse(octets);
    const { status, thisUpdateMs, nextUpdateMs } = response;
    if (!isIdOf(response.certificateId, certificate, issuer)) {
      return { fault: "other certificate", text: "it is about another certificate" };
    }
    const signer = signerOf(response, { certificate, issuer });
    if (signer === undefined) {
      return { fault: "bad signature", text: "nobody who may speak of this certificate has signed it" };
    }
    if (status !== "good") return { fault: status, text: `it says that the certificate is ${status}` };
    if (nextUpdateMs === undefined) return { fault: "no next update", text: "it has no nextUpdate" };
    const proof = { der: response.der, thisUpdateMs, nextUpdateMs, signerExpiresAtMs: signer.expiresAtMs };
    const fault = proofFaultAt(proof, nowMs);
    if (fault === "not yet valid") return { fault, text: `it is valid from ${iso(thisUpdateMs)} on` };
    if (fault === "expired") return { fault, text: `it was valid until ${iso(validUntilMs(proof))}` };
    return proof;
  } catch (err) {
    // The library refuses, too: a damaged certificate, a key that it does not know.
    return { fault: "unreadable", text: err instanceof DerError ? err.message : `damaged: ${String(err)}` };
  }
}

/** Whether a proof may be shown at a time; undefined: it may. */
export function proofFaultAt(proof: OcspProof, nowMs: number): "not yet valid" | "expired" | undefined {
  if (proof.thisUpdateMs > nowMs + SLACK_MS) return "not yet valid";
  // Of a signer's certificate, clients allow nothing.
  if (proof.nextUpdateMs < nowMs - SLACK_MS || (proof.signerExpiresAtMs ?? Infinity) < nowMs) return "expired";
  return undefined;
}

/** Until when clients take it. */
export function validUntilMs({ nextUpdateMs, signerExpiresAtMs = Infinity }: OcspProof): number {
  return Math.min(nextUpdateMs, signerExpiresAtMs);
}

/** RFC 6960 §4.2.2.2: the issuer itself, or whom it has given a certificate for that. */
function signerOf(
  response: OcspResponse,
  { certificate, issuer }: Certified,
): { readonly expiresAtMs: number | undefined } | undefined {
  if (issuer !== undefined && isSignedBy(response, issuer.publicKey)) return { expiresAtMs: undefined };
  for (const der of response.certificates.slice(0, MAX_SIGNERS)) {
    const signer = new X509Certificate(der);
    if (!isSignedBy(response, signer.publicKey)) continue;
    if (issuer === undefined && hasIssued(signer, certificate)) return { expiresAtMs: undefined };
    const isDelegate = signer.keyUsage?.includes(OCSP_SIGNING) === true;
    // Who has issued the certificate may not be known here; a client knows, and looks again.
    const isOfIssuer = issuer === undefined ? signer.issuer === certificate.issuer : hasIssued(issuer, signer);
    if (isDelegate && isOfIssuer) return { expiresAtMs: signer.validToDate.getTime() };
  }
  return undefined;
}

/** Whether a certificate is signed by another one's key, and names it. */
export function hasIssued(issuer: X509Certificate, certificate: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

const iso = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
