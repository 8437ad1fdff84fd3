import type { TLSSocket } from "node:tls";
import type { HelloWishes } from "../hello-wishes.ts";
import type { OwnCertificate } from "../own-certificate.ts";
import { authenticationOf } from "./suite-authentication.ts";

/** How a server with several certificates comes to one. */
export interface CertificateChoice<T extends Pick<OwnCertificate, "leaf">> {
  readonly certificates: readonly T[];
  /** With TLS 1.2, the library takes the client's first cipher suite that both know; not if an operator has named ciphers. */
  readonly isByClientsOrder: boolean;
  /** What the client has said; undefined: it was not looked at. */
  readonly hello: Pick<HelloWishes, "ciphers" | "groups"> | undefined;
}

/** Signature algorithms as Node.js names them, and the curve that a key of ECDSA must have in TLS 1.3 (RFC 8446 §4.2.3). */
const CURVES: Readonly<Record<string, string>> = {
  __proto__: null as never,
  "ECDSA+SHA256": "prime256v1",
  "ECDSA+SHA384": "secp384r1",
  "ECDSA+SHA512": "secp521r1",
};
/** RFC 8422 §5.1.1 */
const GROUPS: Readonly<Record<string, number>> = {
  __proto__: null as never,
  prime256v1: 23,
  secp384r1: 24,
  secp521r1: 25,
};

/**
 * Which certificate the library is about to show, while a handshake waits for the proof of it: it is asked for a proof
 * before it says which. With TLS 1.3, that follows from the signature algorithms that both sides know (RFC 8446 §4.4.2.2), in
 * their order; with TLS 1.2, from the cipher suite (RFC 5246 §7.4.2).
 *
 * @returns undefined: it cannot be told.
 */
export function chosenCertificate<T extends Pick<OwnCertificate, "leaf">>(
  socket: Pick<TLSSocket, "getProtocol" | "getSharedSigalgs">,
  { certificates, isByClientsOrder, hello }: CertificateChoice<T>,
): T | undefined {
  if (certificates.length <= 1) return certificates[0];
  const algorithms = socket.getSharedSigalgs();
  // Of two with keys of one type, the library has the last.
  if (socket.getProtocol() === "TLSv1.3") {
    for (const algorithm of algorithms) {
      const found = certificates.findLast(({ leaf }) => canSign(algorithm, leaf.publicKey));
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (hello === undefined) return undefined;
  const ec = certificates.findLast(({ leaf }) => canSignWithEc(leaf.publicKey, algorithms, hello.groups));
  const rsa = certificates.findLast(({ leaf }) => leaf.publicKey.asymmetricKeyType === "rsa");
  const { kinds, isAll } = authenticationOf(hello.ciphers);
  const usable = kinds.filter((kind) => (kind === "ec" ? ec : rsa) !== undefined);
  // Which of the client's suites the server knows, only its own list would say; if all want one kind, it does not matter.
  if (!isByClientsOrder && (!isAll || new Set(usable).size > 1)) return undefined;
  return usable[0] === "ec" ? ec : usable[0] === "rsa" ? rsa : undefined;
}

type OwnKey = OwnCertificate["leaf"]["publicKey"];

function canSign(algorithm: string, { asymmetricKeyType: type, asymmetricKeyDetails }: OwnKey): boolean {
  const curve = CURVES[algorithm];
  if (curve !== undefined) return type === "ec" && asymmetricKeyDetails?.namedCurve === curve;
  if (algorithm.startsWith("RSA-PSS+")) return type === "rsa";
  return (algorithm.startsWith("Ed25519") && type === "ed25519") || (algorithm.startsWith("Ed448") && type === "ed448");
}

function canSignWithEc(
  { asymmetricKeyType, asymmetricKeyDetails }: OwnKey,
  algorithms: readonly string[],
  groups: readonly number[],
): boolean {
  const group = GROUPS[asymmetricKeyDetails?.namedCurve ?? ""];
  return (
    asymmetricKeyType === "ec" &&
    group !== undefined &&
    groups.includes(group) &&
    algorithms.some((algorithm) => algorithm.startsWith("ECDSA+"))
  );
}
