import { createPrivateKey, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

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
}

/**
 * A certificate (RFC 5280) made now, for a name and for a day: keys are no business of a repository, and `openssl` is not
 * on every machine.
 */
export function makeCertificate(
  name: string,
  wishes: CertificateWishes = {},
): TestCertificate & { readonly name: string } {
  const { key: type = "ec", isAuthority = false, isNameless = false, issuer } = wishes;
  const { privateKey, publicKey } =
    type === "ec"
      ? generateKeyPairSync("ec", { namedCurve: "P-256" })
      : generateKeyPairSync("rsa", { modulusLength: 2048 });
  const signingKey = issuer === undefined ? privateKey : createPrivateKey(issuer.privateKey);
  const algorithm = signingKey.asymmetricKeyType === "rsa" ? rsaWithSha256 : ecdsaWithSha256;
  const subject = isNameless ? sequence() : distinguishedName(name);
  const now = Date.now();
  const toBeSigned = sequence(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))), // version 3
    tlv(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    issuer === undefined ? subject : distinguishedName(issuer.name),
    sequence(time(now - DAY_MS), time(now + DAY_MS)),
    subject,
    publicKey.export({ type: "spki", format: "der" }),
    tlv(
      0xa3,
      sequence(
        // subjectAltName: one dNSName.
        sequence(oid(0x55, 0x1d, 0x11), tlv(0x04, sequence(tlv(0x82, Buffer.from(name))))),
        // basicConstraints
        ...(isAuthority ? [sequence(oid(0x55, 0x1d, 0x13), tlv(0x04, sequence(tlv(0x01, Buffer.from([0xff])))))] : []),
      ),
    ),
  );
  const signature = sign("sha256", toBeSigned, signingKey);
  const der = sequence(toBeSigned, algorithm, tlv(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = der.toString("base64").replace(/.{64}/g, "$&\n");
  const certificate = `-----BEGIN CERTIFICATE-----\n${lines.trim()}\n-----END CERTIFICATE-----\n`;
  const key = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const directory = mkdtempSync(join(tmpdir(), "postbus-certificate-"));
  process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
  const certificateFile = join(directory, "certificate.pem");
  const privateKeyFile = join(directory, "key.pem");
  writeFileSync(certificateFile, certificate);
  writeFileSync(privateKeyFile, key, { mode: 0o600 });
  return { name, certificate, privateKey: key, certificateFile, privateKeyFile };
}

/** DER: tag, length, value (X.690 §8.1). */
function tlv(tag: number, value: Buffer): Buffer {
  const { length } = value;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), value]);
}

const sequence = (...parts: Buffer[]): Buffer => tlv(0x30, Buffer.concat(parts));
const oid = (...octets: number[]): Buffer => tlv(0x06, Buffer.from(octets));
const ecdsaWithSha256 = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02));
const rsaWithSha256 = sequence(oid(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b), tlv(0x05, Buffer.alloc(0)));
const distinguishedName = (name: string): Buffer =>
  sequence(tlv(0x31, sequence(oid(0x55, 0x04, 0x03), tlv(0x0c, Buffer.from(name)))));
/** UTCTime, enough until 2049 (RFC 5280 §4.1.2.5.1). */
const time = (ms: number): Buffer =>
  tlv(0x17, Buffer.from(`${new Date(ms).toISOString().replace(/[-:T]/g, "").slice(2, 14)}Z`));
