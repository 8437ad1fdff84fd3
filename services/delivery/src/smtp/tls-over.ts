import { isIP, type Socket } from "node:net";
import { connect, type SecureContext, type TLSSocket } from "node:tls";
import { cipherText } from "@postbus/tls";
import { systemError } from "../system-error.ts";
import { certificateProblem } from "./certificate-problem.ts";

/** How a handshake has ended. */
export type HandshakeEnd =
  | { readonly cipher: string }
  /** @property isLoss The connection broke in it, which may have been about anything. */
  | { readonly problem: string; readonly isLoss: boolean };

/**
 * TLS over a connection. Opportunistic: a certificate that nobody vouches for is better than clear text (RFC 7435).
 *
 * @param verifiedBy The certificate has to be good for the name, by the authorities of this.
 * @param onEnd Called once.
 */
export function tlsOver(
  socket: Socket,
  hostName: string,
  verifiedBy: SecureContext | undefined,
  onEnd: (end: HandshakeEnd) => void,
): TLSSocket {
  const secured = connect({
    socket,
    rejectUnauthorized: false,
    // Names are looked at by `certificateProblem`: the library takes wildcards that mail does not.
    checkServerIdentity: () => undefined,
    ...(isIP(hostName) === 0 ? { servername: hostName } : {}),
    ...(verifiedBy === undefined ? {} : { secureContext: verifiedBy }),
  });
  let hasEnded = false;
  const end = (how: HandshakeEnd): void => {
    if (hasEnded) return;
    hasEnded = true;
    onEnd(how);
  };
  secured.once("secureConnect", () => {
    const problem = verifiedBy === undefined ? undefined : certificateProblem(secured, hostName);
    end(problem === undefined ? { cipher: cipherText(secured) } : { problem, isLoss: false });
  });
  secured.on("error", (err) => end({ problem: err.message, isLoss: isLoss(err) }));
  return secured;
}

/** A peer that goes away in the handshake is an error of the library, without the system's number. */
const isLoss = (err: Error): boolean => systemError(err) !== undefined || ("code" in err && err.code === "ECONNRESET");
