import { DerError } from "./der.ts";

/** How the proofs of a file are written (Exim's manual, "tls_ocsp_file"). */
export type OcspFormat = "DER" | "PEM";

/** Blocks of a PEM file that are looked at. */
const MAX_BLOCKS = 64;
const BLOCK = /-----BEGIN OCSP RESPONSE-----([A-Za-z0-9+/=\s]*)-----END OCSP RESPONSE-----/g;

/** The responses (RFC 6960, DER) in the content of a file; a PEM file may have several. @throws {DerError} it has none. */
export function readResponses(octets: Buffer, format: OcspFormat): readonly Buffer[] {
  if (format === "DER") return [octets];
  const responses: Buffer[] = [];
  for (const [, base64 = ""] of octets.toString("latin1").matchAll(BLOCK)) {
    if (responses.push(Buffer.from(base64, "base64")) === MAX_BLOCKS) break;
  }
  if (responses.length === 0) throw new DerError("there is no block OCSP RESPONSE in it");
  return responses;
}
