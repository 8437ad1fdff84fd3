import { createHash, type X509Certificate } from "node:crypto";
import { certificateDetails } from "./certificate-details.ts";

/** The AlgorithmIdentifier of SHA-1: what every responder knows (RFC 6960 §4.3), and it protects nothing here. */
const SHA1 = Buffer.from("300906052b0e03021a0500", "hex");

/** The DER of a question about one certificate (RFC 6960 §4.1.1), without a nonce: many responders answer with what they have. */
export function ocspRequest({
  certificate,
  issuer,
}: {
  readonly certificate: X509Certificate;
  readonly issuer: X509Certificate;
}): Buffer {
  const { serial, issuer: name } = certificateDetails(certificate);
  const hashed = (octets: Buffer): Buffer => tlv(0x04, createHash("sha1").update(octets).digest());
  const id = tlv(0x30, SHA1, hashed(name), hashed(certificateDetails(issuer).keyOctets), tlv(0x02, serial));
  // OCSPRequest, tbsRequest, requestList, Request.
  return tlv(0x30, tlv(0x30, tlv(0x30, tlv(0x30, id))));
}

function tlv(tag: number, ...parts: readonly Buffer[]): Buffer {
  const value = Buffer.concat(parts);
  const { length } = value;
  return Buffer.concat([Buffer.from(length < 128 ? [tag, length] : [tag, 0x82, length >> 8, length & 0xff]), value]);
}
