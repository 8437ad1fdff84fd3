import { X509Certificate } from "node:crypto";
import type { DetailedPeerCertificate, TLSSocket } from "node:tls";
import { distinguishedName } from "./distinguished-name.ts";

/** Certificates of a chain that are looked at. */
const MAX_DEPTH = 10;

/** Somebody's opinion of a certificate. @param depth 0: the peer's own. @returns why it is not good; empty: nothing is said against it. */
export type CertificateJudge = (depth: number, certificate: X509Certificate) => Promise<string>;

/**
 * Shows the certificates of a peer to somebody, from the root to the peer's own, as the library has looked at them.
 *
 * @param isRequired Behind one that is not good no other is shown.
 * @returns what is said against them, as Exim's log has it; empty: nothing is.
 */
export async function judgedCertificates(
  socket: Pick<TLSSocket, "getPeerCertificate">,
  judge: CertificateJudge,
  isRequired: boolean,
): Promise<readonly string[]> {
  const lines: string[] = [];
  const chain = chainOf(socket.getPeerCertificate(true));
  for (const [i, certificate] of chain.toReversed().entries()) {
    const depth = chain.length - 1 - i;
    const why = await judge(depth, certificate);
    if (why === "") continue;
    lines.push(`SSL verify denied by event-action: depth=${depth} cert=${distinguishedName(certificate)}: ${why}`);
    if (isRequired) break;
  }
  return lines;
}

/** The peer's own first. */
function chainOf(leaf: DetailedPeerCertificate): readonly X509Certificate[] {
  const chain: X509Certificate[] = [];
  // Without a certificate it is an empty object, and a root is its own issuer.
  let one: Partial<DetailedPeerCertificate> | undefined = leaf;
  while (one?.raw !== undefined && chain.length < MAX_DEPTH) {
    chain.push(new X509Certificate(one.raw));
    const issuer: DetailedPeerCertificate | undefined = one.issuerCertificate;
    one = issuer === one || issuer?.fingerprint256 === one.fingerprint256 ? undefined : issuer;
  }
  return chain;
}
