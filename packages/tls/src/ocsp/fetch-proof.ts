import type { X509Certificate } from "node:crypto";
import { DeferError } from "@postbus/mail";
import { checkOcspProof, type OcspProof, type ProofFault } from "./ocsp-proof.ts";
import { ocspRequest } from "./ocsp-request.ts";
import { MAX_RESPONSE_OCTETS } from "./ocsp-response.ts";

/** A responder that takes longer is asked again later. */
const TIMEOUT_MS = 15_000;

export interface ProofQuestion {
  readonly certificate: X509Certificate;
  readonly issuer: X509Certificate;
  /** The responder: http or https. */
  readonly url: string;
  /** Ends the question before its time. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Asks a responder about a certificate (RFC 6960 appendix A.1, by POST) and checks its answer.
 *
 * @returns a proof, or what is wrong with the answer: it is about another certificate, revoked, signed by somebody else.
 * @throws {DeferError} there is no answer now.
 */
export async function fetchProof({
  certificate,
  issuer,
  url,
  signal,
}: ProofQuestion): Promise<OcspProof | { readonly fault: ProofFault; readonly text: string }> {
  const octets = await ask(url, ocspRequest({ certificate, issuer }), signal);
  return checkOcspProof(octets, { certificate, issuer }, Date.now());
}

async function ask(url: string, body: Buffer, signal: AbortSignal | undefined): Promise<Buffer> {
  const deadline = AbortSignal.timeout(TIMEOUT_MS);
  try {
    if (!/^https?:$/.test(new URL(url).protocol)) throw new Error("only http and https are known");
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/ocsp-request", accept: "application/ocsp-response" },
      body: new Uint8Array(body),
      signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
    });
    const parts: Uint8Array[] = [];
    let length = 0;
    for await (const part of response.body ?? []) {
      length += part.length;
      if (length > MAX_RESPONSE_OCTETS) throw new Error(`more than ${MAX_RESPONSE_OCTETS} octets`);
      parts.push(part);
    }
    if (!response.ok) throw new Error(`HTTP status ${response.status}`);
    return Buffer.concat(parts);
  } catch (err) {
    throw new DeferError("ocsp", `no answer from ${url}: ${textOf(err)}`, { cause: err });
  }
}

/** `fetch` says what is wrong in the cause of its errors. */
function textOf(err: unknown): string {
  if (!(err instanceof Error)) return String(err);
  return err.cause instanceof Error ? err.cause.message : err.message;
}
