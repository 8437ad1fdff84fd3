import { createHash, type X509Certificate } from "node:crypto";
import { certificateDetails } from "./certificate-details.ts";
import type { CertificateId } from "./ocsp-response.ts";

/** Hashes that are used to name issuers (RFC 6960 §4.3 asks for SHA-1, RFC 9654 for SHA-256), by object identifier. */
const HASHES: Readonly<Record<string, string>> = {
  __proto__: null as never,
  "1.3.14.3.2.26": "sha1",
  "2.16.840.1.101.3.4.2.1": "sha256",
  "2.16.840.1.101.3.4.2.2": "sha384",
  "2.16.840.1.101.3.4.2.3": "sha512",
};

/**
 * Whether an answer is about a certificate: its serial number, and the name and the key of who has issued it.
 *
 * @param issuer Undefined: it is not known, and of it only the name is compared.
 */
export function isIdOf(id: CertificateId, certificate: X509Certificate, issuer: X509Certificate | undefined): boolean {
  const hash = HASHES[id.algorithm];
  if (hash === undefined) return false;
  const { serial, issuer: name } = certificateDetails(certificate);
  const hashed = (octets: Buffer): Buffer => createHash(hash).update(octets).digest();
  return (
    id.serial.equals(serial) &&
    id.issuerNameHash.equals(hashed(name)) &&
    (issuer === undefined || id.issuerKeyHash.equals(hashed(certificateDetails(issuer).keyOctets)))
  );
}
