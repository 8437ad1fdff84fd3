import { constants, type KeyObject, type VerifyKeyObjectInput, verify } from "node:crypto";
import { DER, derContent, derElements, derOid, readDer } from "./der.ts";
import type { OcspResponse } from "./ocsp-response.ts";

/** Of signature algorithms: type of the key, and hash. SHA-1 is not among them: clients do not take it (RFC 9155). */
const ALGORITHMS: Readonly<Record<string, readonly [keyType: string, hash: string | null]>> = {
  __proto__: null as never,
  "1.2.840.113549.1.1.11": ["rsa", "sha256"],
  "1.2.840.113549.1.1.12": ["rsa", "sha384"],
  "1.2.840.113549.1.1.13": ["rsa", "sha512"],
  "1.2.840.10045.4.3.2": ["ec", "sha256"],
  "1.2.840.10045.4.3.3": ["ec", "sha384"],
  "1.2.840.10045.4.3.4": ["ec", "sha512"],
  "1.3.101.112": ["ed25519", null],
  "1.3.101.113": ["ed448", null],
};
const RSA_PSS = "1.2.840.113549.1.1.10";
const PSS_HASHES: Readonly<Record<string, string>> = {
  __proto__: null as never,
  "2.16.840.1.101.3.4.2.1": "sha256",
  "2.16.840.1.101.3.4.2.2": "sha384",
  "2.16.840.1.101.3.4.2.3": "sha512",
};

/** Whether a key has made the response's signature. @throws {DerError} the algorithm's parameters are none. */
export function isSignedBy(
  { algorithm, parameters, signed, signature }: Pick<OcspResponse, "algorithm" | "parameters" | "signed" | "signature">,
  key: KeyObject,
): boolean {
  const type = key.asymmetricKeyType;
  if (algorithm === RSA_PSS) {
    const hash = pssHash(parameters);
    if (hash === undefined || (type !== "rsa" && type !== "rsa-pss")) return false;
    const input: VerifyKeyObjectInput = {
      key,
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: constants.RSA_PSS_SALTLEN_AUTO,
    };
    return verify(hash, signed, input, signature);
  }
  const known = ALGORITHMS[algorithm];
  return known !== undefined && known[0] === type && verify(known[1], signed, key, signature);
}

/** RFC 4055 §3.1; without one it would be SHA-1. */
function pssHash(parameters: Buffer | undefined): string | undefined {
  if (parameters === undefined) return undefined;
  const hash = derElements(derContent(readDer(parameters), DER.sequence)).find(({ tag }) => tag === DER.context(0));
  if (hash === undefined) return undefined;
  return PSS_HASHES[derOid(derElements(derContent(readDer(hash.content), DER.sequence))[0])];
}
