import type { TLSSocket } from "node:tls";
import type { OwnCertificate } from "../own-certificate.ts";

/** Signature algorithms of TLS 1.3 as Node.js names them, and the curve that a key of ECDSA must have (RFC 8446 §4.2.3). */
const CURVES: Readonly<Record<string, string>> = {
  __proto__: null as never,
  "ECDSA+SHA256": "prime256v1",
  "ECDSA+SHA384": "secp384r1",
  "ECDSA+SHA512": "secp521r1",
};

/**
 * Which certificate the library is about to show, while a handshake waits for the proof of it: it is asked for a proof
 * before it says which. With several, that follows from the signature algorithms that both sides know (RFC 8446 §4.4.2.2), in
 * their order.
 *
 * @returns undefined: it cannot be told. (With TLS 1.2 and several certificates, the cipher decides, too.)
 */
export function chosenCertificate<T extends Pick<OwnCertificate, "leaf">>(
  socket: Pick<TLSSocket, "getProtocol" | "getSharedSigalgs">,
  certificates: readonly T[],
): T | undefined {
  if (certificates.length <= 1) return certificates[0];
  if (socket.getProtocol() !== "TLSv1.3") return undefined;
  for (const algorithm of socket.getSharedSigalgs()) {
    // Of two with keys of one type, the library has the last.
    const found = certificates.findLast(({ leaf }) => canSign(algorithm, leaf.publicKey));
    if (found !== undefined) return found;
  }
  return undefined;
}

function canSign(algorithm: string, { asymmetricKeyType: type, asymmetricKeyDetails }: OwnKey): boolean {
  const curve = CURVES[algorithm];
  if (curve !== undefined) return type === "ec" && asymmetricKeyDetails?.namedCurve === curve;
  if (algorithm.startsWith("RSA-PSS+")) return type === "rsa";
  return (algorithm.startsWith("Ed25519") && type === "ed25519") || (algorithm.startsWith("Ed448") && type === "ed448");
}

type OwnKey = OwnCertificate["leaf"]["publicKey"];
