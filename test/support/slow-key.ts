import { createPublicKey, randomBytes } from "node:crypto";

/**
 * A public key of RSA for which nobody has the private one, in DER.
 *
 * @param exponentOctets As long as the key itself, it makes a verification a hundred times as long.
 */
export function slowKey(bits = 3_072, exponentOctets = bits / 8): Buffer {
  const odd = (octets: number): Buffer => {
    const number = randomBytes(octets);
    number[octets - 1] = (number[octets - 1] ?? 0) | 1;
    number[0] = ((number[0] ?? 0) & 0x3f) | 0x40;
    return number;
  };
  const modulus = odd(bits / 8);
  modulus[0] = (modulus[0] ?? 0) | 0x80;
  const jwk = { kty: "RSA", n: modulus.toString("base64url"), e: odd(exponentOctets).toString("base64url") };
  return createPublicKey({ key: jwk, format: "jwk" }).export({ type: "spki", format: "der" });
}
