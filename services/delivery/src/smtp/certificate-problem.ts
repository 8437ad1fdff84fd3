import type { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import type { TLSSocket } from "node:tls";
import { distinguishedName } from "@postbus/tls";

/** No `mx*.example` (RFC 6125 §6.4.3). */
const NAMES = { partialWildcards: false } as const;

/** What is wrong with a host's certificate: nobody whom we trust vouches for it (RFC 5280 §6), or for another name. */
export interface CertificateProblem {
  /** Why no session comes about, where the certificate has to be good. */
  readonly text: string;
  /** Exim's line in the log, without the address. */
  readonly line: string;
}

/**
 * @param hostName Of whom it has to be; undefined: anybody.
 * @returns undefined: nothing is wrong.
 */
export function certificateProblem(socket: TLSSocket, hostName: string | undefined): CertificateProblem | undefined {
  const { authorizationError: problem } = socket;
  const certificate = socket.getPeerX509Certificate();
  if (!socket.authorized) {
    // The library's word: DEPTH_ZERO_SELF_SIGNED_CERT.
    const code = String(problem);
    const text = `certificate verification failed: ${code.toLowerCase().replaceAll("_", " ")}`;
    return { text, line: verifyError(code, certificate) };
  }
  if (certificate === undefined) {
    const text = "certificate verification failed: there is none";
    return { text, line: "SSL verify error: there is no certificate" };
  }
  if (hostName === undefined) return undefined;
  const isFor = isIP(hostName) === 0 ? certificate.checkHost(hostName, NAMES) : certificate.checkIP(hostName);
  if (isFor !== undefined) return undefined;
  const text = `certificate name mismatch: DN="${distinguishedName(certificate)}" H="${hostName}"`;
  return { text, line: `SSL verify error: ${text}` };
}

/** OpenSSL's words for what Node.js has a code for. */
const WORDS: Readonly<Record<string, string>> = {
  __proto__: null as never,
  CERT_HAS_EXPIRED: "certificate has expired",
  CERT_NOT_YET_VALID: "certificate is not yet valid",
  CERT_REVOKED: "certificate revoked",
  DEPTH_ZERO_SELF_SIGNED_CERT: "self-signed certificate",
  SELF_SIGNED_CERT_IN_CHAIN: "self-signed certificate in certificate chain",
  UNABLE_TO_GET_CRL: "unable to get certificate CRL",
  UNABLE_TO_GET_ISSUER_CERT: "unable to get issuer certificate",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "unable to get local issuer certificate",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "unable to verify the first certificate",
};
/** Certificates of a chain that are looked at. */
const MAX_DEPTH = 10;

function verifyError(code: string, leaf: X509Certificate | undefined): string {
  const { depth, certificate } = atFault(code, leaf);
  const name = certificate === undefined ? "" : ` cert=${distinguishedName(certificate)}`;
  return `SSL verify error: depth=${depth} error=${WORDS[code] ?? code.toLowerCase().replaceAll("_", " ")}${name}`;
}

/** The library does not tell which one it was. */
function atFault(code: string, leaf: X509Certificate | undefined): { depth: number; certificate: typeof leaf } {
  let depth = 0;
  let certificate = leaf;
  const isAt = (one: X509Certificate): boolean => {
    if (code === "CERT_HAS_EXPIRED") return one.validToDate.getTime() < Date.now();
    if (code === "CERT_NOT_YET_VALID") return one.validFromDate.getTime() > Date.now();
    return !/^(?:SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER)/.test(code);
  };
  while (certificate !== undefined && !isAt(certificate) && depth < MAX_DEPTH) {
    const next: X509Certificate | undefined = certificate.issuerCertificate;
    if (next === undefined || next.fingerprint256 === certificate.fingerprint256) break;
    certificate = next;
    depth++;
  }
  return { depth, certificate };
}
