import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { dkimSign } from "mailauth/lib/dkim/sign.js";

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ed25519 = generateKeyPairSync("ed25519");

/** What stands in the DNS about the keys of `signedBy`. */
export const keyRecords = {
  rsa: `v=DKIM1; k=rsa; p=${rsa.publicKey.export({ type: "spki", format: "der" }).toString("base64")}`,
  ed: `v=DKIM1; k=ed25519; p=${ed25519.publicKey.export({ type: "spki", format: "der" }).subarray(-32).toString("base64")}`,
};

export interface Signer {
  readonly domain: string;
  /** Which key, and which of the records; another name: RSA. */
  readonly selector: string;
}

/** A message with signatures of the library, the first on top. */
export async function signedBy(message: Buffer, ...signers: readonly Signer[]): Promise<Buffer> {
  const fields: string[] = [];
  for (const { domain, selector } of signers) {
    const [key, algorithm] =
      selector === "ed" ? [ed25519.privateKey, "ed25519-sha256"] : [rsa.privateKey, "rsa-sha256"];
    const signer = { signingDomain: domain, selector, privateKey: pem(key), algorithm };
    const { signatures } = await dkimSign(message, {
      ...signer,
      canonicalization: "relaxed/relaxed",
      signatureData: [signer],
    });
    assert.notEqual(signatures, "", "was signed");
    fields.push(signatures);
  }
  return Buffer.concat([Buffer.from(fields.join(""), "latin1"), message]);
}

const pem = (key: KeyObject): string => key.export({ type: "pkcs8", format: "pem" }).toString();
