import { isIP, type Socket } from "node:net";
import { connect, type SecureContext, type TLSSocket } from "node:tls";
import type { HostTerms } from "@postbus/policy";
import { type CertificateJudge, cipherText, distinguishedName, judgedCertificates } from "@postbus/tls";
import { systemError } from "../system-error.ts";
import { type CertificateProblem, certificateProblem } from "./certificate-problem.ts";
import { resumptionBits, type SessionPlace } from "./tls-sessions.ts";

/** How a handshake has ended. */
export type HandshakeEnd =
  | {
      readonly cipher: string;
      /** The certificate was looked at, and is good. */
      readonly isVerified: boolean;
      readonly peerName: string | undefined;
      readonly serverName: string | undefined;
      /** Bits of `$tls_out_resumption`; a ticket may come later. */
      resumption: number;
      /** What is wrong with a certificate that need not be good, for the log. */
      readonly lines?: readonly string[];
    }
  /** @property isLoss The connection broke in it, which may have been about anything. */
  | { readonly problem: string; readonly isLoss: boolean; readonly lines?: readonly string[] };

/** What the handshake is to be like. */
export interface HandshakeTerms extends Pick<HostTerms, "verification" | "protocols" | "requiresProtocol"> {
  readonly context: SecureContext;
  /** Shorter keys of a Diffie-Hellman exchange end the handshake. */
  readonly minDhBits: number;
  /** SNI; an IP address is none. */
  readonly serverName: string;
  /** Whose certificate it has to be; undefined: anybody's that is good. */
  readonly hostName: string | undefined;
  /** Is asked about each certificate that is looked at; absent: nobody is. */
  readonly judge?: CertificateJudge | undefined;
  /** Where sessions with the host are kept; absent: none is. */
  readonly sessions?: SessionPlace | undefined;
}

type Agreed = Extract<HandshakeEnd, { readonly cipher: string }>;

/**
 * TLS over a connection. Opportunistic: a certificate that nobody vouches for is better than clear text (RFC 7435), unless
 * the terms want another.
 *
 * @param onEnd Called once.
 */
export function tlsOver(socket: Socket, terms: HandshakeTerms, onEnd: (end: HandshakeEnd) => void): TLSSocket {
  const { context, serverName, hostName, verification, protocols, requiresProtocol, minDhBits, judge, sessions } =
    terms;
  const kept = sessions?.find(context);
  const named = isIP(serverName) === 0 ? serverName : undefined;
  const secured = connect({
    socket,
    rejectUnauthorized: false,
    // Names are looked at by `certificateProblem`: the library takes wildcards that mail does not.
    checkServerIdentity: () => undefined,
    ...(named === undefined ? {} : { servername: named }),
    ...(protocols.length === 0 ? {} : { ALPNProtocols: [...protocols] }),
    secureContext: context,
    minDHSize: minDhBits,
    ...(kept === undefined ? {} : { session: kept.octets }),
  });
  let resumption: number = resumptionBits.supported;
  if (sessions !== undefined) resumption |= resumptionBits.requested;
  if (kept !== undefined) resumption |= resumptionBits.suggested;
  let agreed: Agreed | undefined;
  let ticket: Buffer | undefined;
  /** Not before it is known what the host's certificate is worth. */
  const keep = (): void => {
    if (agreed === undefined || ticket === undefined) return;
    agreed.resumption |= resumptionBits.ticket;
    const { isVerified, peerName } = agreed;
    sessions?.keep({ context, octets: ticket, isVerified, peerName });
  };
  if (sessions !== undefined) {
    secured.on("session", (octets: Buffer) => {
      ticket = octets;
      keep();
    });
  }
  let hasEnded = false;
  const end = (how: HandshakeEnd): void => {
    if (hasEnded) return;
    hasEnded = true;
    if ("problem" in how) {
      // It may be the session that the host does not like.
      sessions?.drop();
    } else {
      agreed = how;
      keep();
    }
    onEnd(how);
  };
  const isRequired = verification === "required";
  const agree = (
    { isVerified, peerName }: Pick<Agreed, "isVerified" | "peerName">,
    lines: Pick<Agreed, "lines">,
  ): void => {
    if (requiresProtocol && !secured.alpnProtocol) {
      end({ problem: "the host has not agreed to any protocol of tls_alpn", isLoss: false, ...lines });
      return;
    }
    end({ cipher: cipherText(secured), isVerified, peerName, serverName: named, resumption, ...lines });
  };
  const conclude = (problem: CertificateProblem | undefined, denials: readonly string[]): void => {
    const noted = problem === undefined ? denials : [problem.line, ...denials];
    const lines = noted.length === 0 ? {} : { lines: noted };
    if (isRequired && noted.length > 0) {
      end({
        problem: problem?.text ?? "certificate verification failed: denied by event-action",
        isLoss: false,
        ...lines,
      });
    } else {
      const certificate = secured.getPeerX509Certificate();
      const peerName = certificate === undefined ? undefined : distinguishedName(certificate);
      const isVerified = verification !== "none" && noted.length === 0;
      agree({ isVerified, peerName }, lines);
    }
  };
  secured.once("secureConnect", () => {
    if (kept !== undefined && secured.isSessionReused()) {
      // No certificate is shown then: what was found out about it with the first handshake holds (RFC 8446 §2.2).
      resumption |= resumptionBits.used;
      agree(kept, {});
      return;
    }
    const problem = verification === "none" ? undefined : certificateProblem(secured, hostName);
    if (judge === undefined || verification === "none" || (isRequired && problem !== undefined)) {
      conclude(problem, []);
      return;
    }
    // What the host says meanwhile is for the session that begins then.
    secured.pause();
    judgedCertificates(secured, judge, isRequired).then(
      (denials) => {
        secured.resume();
        conclude(problem, denials);
      },
      (err: unknown) => secured.destroy(err instanceof Error ? err : new Error(String(err))),
    );
  });
  secured.on("error", (err) => end({ problem: err.message, isLoss: isLoss(err) }));
  return secured;
}

/** A peer that goes away in the handshake is an error of the library, without the system's number. */
const isLoss = (err: Error): boolean => systemError(err) !== undefined || ("code" in err && err.code === "ECONNRESET");
