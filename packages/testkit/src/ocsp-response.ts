import { createHash, createPrivateKey, createPublicKey, sign, X509Certificate } from "node:crypto";
import { distinguishedName, type makeCertificate, signingAlgorithm } from "./certificate.ts";
import { bitString, derTime, oid, sequence, tlv } from "./der-writer.ts";

type Made = ReturnType<typeof makeCertificate>;

/** What a response is to be, if not one that says that the certificate is good from an hour ago for an hour to come. */
export interface OcspWishes {
  readonly issuer: Made;
  /** Who signs it, with its certificate in it; the issuer itself. */
  readonly signer?: Made;
  readonly status?: "good" | "revoked" | "unknown";
  readonly thisUpdateMs?: number;
  /** Undefined: there is none. */
  readonly nextUpdateMs?: number | undefined;
  readonly hash?: "sha1" | "sha256";
}

const HOUR_MS = 3_600_000;
const HASHES = {
  sha1: oid(0x2b, 0x0e, 0x03, 0x02, 0x1a),
  sha256: oid(0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01),
} as const;
const STATUSES = { good: tlv(0x80, Buffer.alloc(0)), unknown: tlv(0x82, Buffer.alloc(0)) } as const;

/** The DER of a response (RFC 6960 §4.2.1) about a certificate, made now: `openssl ocsp` makes none of the past. */
export function makeOcspResponse({ certificate }: Pick<Made, "certificate">, wishes: OcspWishes): Buffer {
  const { issuer, signer = issuer, status = "good", hash = "sha1" } = wishes;
  const { thisUpdateMs = Date.now() - HOUR_MS } = wishes;
  const nextUpdateMs = "nextUpdateMs" in wishes ? wishes.nextUpdateMs : Date.now() + HOUR_MS;
  const hashed = (octets: Buffer): Buffer => tlv(0x04, createHash(hash).update(octets).digest());
  const spki = createPublicKey(issuer.certificate);
  // The point of P-256, or the numbers of RSA: what stands behind the algorithm in the key.
  const keyOctets =
    spki.asymmetricKeyType === "rsa"
      ? spki.export({ type: "pkcs1", format: "der" })
      : spki.export({ type: "spki", format: "der" }).subarray(-65);
  const serial = Buffer.from(new X509Certificate(certificate).serialNumber, "hex");
  const signed = sequence(
    tlv(0xa1, distinguishedName(signer.name)),
    derTime(thisUpdateMs, true),
    sequence(
      sequence(
        sequence(sequence(HASHES[hash]), hashed(distinguishedName(issuer.name)), hashed(keyOctets), tlv(0x02, serial)),
        status === "revoked" ? tlv(0xa1, derTime(thisUpdateMs, true)) : STATUSES[status],
        derTime(thisUpdateMs, true),
        ...(nextUpdateMs === undefined ? [] : [tlv(0xa0, derTime(nextUpdateMs, true))]),
      ),
    ),
  );
  const key = createPrivateKey(signer.privateKey);
  const basic = sequence(
    signed,
    signingAlgorithm(key),
    bitString(sign("sha256", signed, key)),
    tlv(0xa0, sequence(new X509Certificate(signer.certificate).raw)),
  );
  const type = oid(0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01);
  return sequence(tlv(0x0a, Buffer.from([0])), tlv(0xa0, sequence(type, tlv(0x04, basic))));
}
