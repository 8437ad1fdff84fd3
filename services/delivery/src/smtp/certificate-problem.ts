import { isIP } from "node:net";
import type { TLSSocket } from "node:tls";
import { distinguishedName } from "@postbus/tls";

/** No `mx*.example` (RFC 6125 §6.4.3). */
const NAMES = { partialWildcards: false } as const;

/**
 * What is wrong with a host's certificate: nobody whom we trust vouches for it (RFC 5280 §6), or for another name.
 *
 * @returns undefined: nothing.
 */
export function certificateProblem(socket: TLSSocket, hostName: string): string | undefined {
  const { authorizationError: problem } = socket;
  if (!socket.authorized) {
    // The library's word: DEPTH_ZERO_SELF_SIGNED_CERT.
    return `certificate verification failed: ${String(problem).toLowerCase().replaceAll("_", " ")}`;
  }
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return "certificate verification failed: there is none";
  const isFor = isIP(hostName) === 0 ? certificate.checkHost(hostName, NAMES) : certificate.checkIP(hostName);
  if (isFor !== undefined) return undefined;
  return `certificate name mismatch: DN="${distinguishedName(certificate)}" H="${hostName}"`;
}
