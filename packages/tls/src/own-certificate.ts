import { X509Certificate } from "node:crypto";
import { certificateDetails } from "./ocsp/certificate-details.ts";
import { DerError } from "./ocsp/der.ts";
import { hasIssued } from "./ocsp/ocsp-proof.ts";

/** A certificate that a server shows, as its file has it. */
export interface OwnCertificate {
  readonly file: string;
  readonly leaf: X509Certificate;
  /** If the file has its certificate, too. */
  readonly issuer: X509Certificate | undefined;
  /** Clients that know RFC 7633 want a proof with it. */
  readonly mustStaple: boolean;
}

/** Certificates of a chain that are looked at. */
const MAX_CHAIN = 10;
const BLOCK = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^-]*-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g;

/** Reads a PEM file's first certificate, and finds who has issued it. @throws {Error} there is none. */
export function ownCertificate(file: string, pem: Buffer): OwnCertificate {
  const leaf = new X509Certificate(pem);
  const blocks = pem.toString("latin1").match(BLOCK) ?? [];
  const chain = blocks.slice(0, MAX_CHAIN).flatMap(readBlock);
  // One that has issued itself is found as well.
  const issuer = chain.find((one) => hasIssued(one, leaf));
  return { file, leaf, issuer, mustStaple: mustStaple(leaf) };
}

/** Whatever is strange in a certificate, the library is the one that decides whether it is good. */
function mustStaple(leaf: X509Certificate): boolean {
  try {
    return certificateDetails(leaf).mustStaple;
  } catch (err) {
    if (err instanceof DerError) return false;
    throw err;
  }
}

/** What is wrong with a chain, the library says when it is to be shown. */
function readBlock(block: string): readonly X509Certificate[] {
  try {
    return [new X509Certificate(block)];
  } catch {
    return [];
  }
}
