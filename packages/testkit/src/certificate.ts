import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bitString, derTime, oid, sequence, tlv } from "./der-writer.ts";

export interface TestCertificate {
  /** PEM texts. */
  readonly certificate: string;
  readonly privateKey: string;
  /** Files with them; removed when the process ends. */
  readonly certificateFile: string;
  readonly privateKeyFile: string;
}

const DAY_MS = 86_400_000;

/** What a certificate is to be, if not a self-signed one with a key of ECDSA P-256. */
export interface CertificateWishes {
  readonly key?: "ec" | "rsa";
  /** Its subject is empty: the name stands in subjectAltName only (RFC 5280 §4.2.1.6). */
  readonly isNameless?: boolean;
  /** It may sign others. */
  readonly isAuthority?: boolean;
  /** Who signs it: one that may. */
  readonly issuer?: TestCertificate & { readonly name: string };
  /** How long it is valid from now on; a day. */
  readonly validForMs?: number;
  /** Where its issuer tells about it by OCSP (RFC 5280 §4.2.2.1). */
  readonly responder?: string;
  /** It may sign what its issuer says by OCSP (RFC 6960 §4.2.2.2). */
  readonly isOcspSigner?: boolean;
  /** A server must show a proof with it (RFC 7633). */
  readonly mustStaple?: boolean;
}

/**
 * A certificate (RFC 5280) made now, for a name and for a day: keys are no business of a repository, and `openssl` is not
 * on every machine.
 */
export function makeCertificate(
  name: string,
  wishes: CertificateWishes = {},
): TestCertificate & { readonly name: string } {
  const { key: type = "ec", isNameless = false, issuer, validForMs = DAY_MS } = wishes;
  const { privateKey, publicKey } =
    type === "ec"
      ? generateKeyPairSync("ec", { namedCurve: "P-256" })
      : generateKeyPairSync("rsa", { modulusLength: 2048 });
  const signingKey = issuer === undefined ? privateKey : createPrivateKey(issuer.privateKey);
  const algorithm = signingAlgorithm(signingKey);
  const subject = isNameless ? sequence() : distinguishedName(name);
  const now = Date.now();
  const toBeSigned = sequence(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))), // version 3
    tlv(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    issuer === undefined ? subject : distinguishedName(issuer.name),
    sequence(derTime(now - DAY_MS), derTime(now + validForMs)),
    subject,
    publicKey.export({ type: "spki", format: "der" }),
    tlv(0xa3, sequence(...extensions(name, wishes))),
  );
  const signature = sign("sha256", toBeSigned, signingKey);
  const der = sequence(toBeSigned, algorithm, bitString(signature));
  const lines = der.toString("base64").replace(/.{64}/g, "$&\n");
  const certificate = `-----BEGIN CERTIFICATE-----\n${lines.trim()}\n-----END CERTIFICATE-----\n`;
  const key = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const directory = mkdtempSync(join(tmpdir(), "postbus-certificate-"));
  if (directories.push(directory) === 1) process.once("exit", removeAll);
  const certificateFile = join(directory, "certificate.pem");
  const privateKeyFile = join(directory, "key.pem");
  writeFileSync(certificateFile, certificate);
  writeFileSync(privateKeyFile, key, { mode: 0o600 });
  return { name, certificate, privateKey: key, certificateFile, privateKeyFile };
}

const directories: string[] = [];
const removeAll = (): void => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
};

function extensions(name: string, wishes: CertificateWishes): Buffer[] {
  const { isAuthority = false, responder, isOcspSigner = false, mustStaple = false } = wishes;
  const extension = (id: Buffer, value: Buffer): Buffer => sequence(id, tlv(0x04, value));
  // subjectAltName: one dNSName.
  const all = [extension(oid(0x55, 0x1d, 0x11), sequence(tlv(0x82, Buffer.from(name))))];
  // basicConstraints
  if (isAuthority) all.push(extension(oid(0x55, 0x1d, 0x13), sequence(tlv(0x01, Buffer.from([0xff])))));
  // extendedKeyUsage: id-kp-OCSPSigning.
  if (isOcspSigner) all.push(extension(oid(0x55, 0x1d, 0x25), sequence(oid(...PKIX, 0x03, 0x09))));
  // authorityInfoAccess: id-ad-ocsp.
  if (responder !== undefined) {
    const access = sequence(oid(...PKIX, 0x30, 0x01), tlv(0x86, Buffer.from(responder)));
    all.push(extension(oid(...PKIX, 0x01, 0x01), sequence(access)));
  }
  // TLS feature: status_request.
  if (mustStaple) all.push(extension(oid(...PKIX, 0x01, 0x18), sequence(tlv(0x02, Buffer.from([5])))));
  return all;
}

/** 1.3.6.1.5.5.7 */
const PKIX = [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07] as const;

/** The AlgorithmIdentifier of a signature with SHA-256. */
export const signingAlgorithm = ({ asymmetricKeyType }: KeyObject): Buffer =>
  asymmetricKeyType === "rsa" ? rsaWithSha256 : ecdsaWithSha256;

const ecdsaWithSha256 = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02));
const rsaWithSha256 = sequence(oid(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b), tlv(0x05, Buffer.alloc(0)));

/** The DER of a subject, which is a common name. */
export const distinguishedName = (name: string): Buffer =>
  sequence(tlv(0x31, sequence(oid(0x55, 0x04, 0x03), tlv(0x0c, Buffer.from(name)))));
