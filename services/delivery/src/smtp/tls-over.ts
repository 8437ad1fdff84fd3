import { isIP, type Socket } from "node:net";
import { connect, type SecureContext, type TLSSocket } from "node:tls";

/**
 * TLS over a connection. Opportunistic: a certificate that nobody vouches for is better than clear text (RFC 7435). Where
 * more is wanted, `certificateProblem` says whether it is there.
 *
 * @param context Has the authorities that may vouch for it.
 */
export function tlsOver(
  socket: Socket,
  hostName: string,
  context: SecureContext | undefined,
  onSecure: () => void,
): TLSSocket {
  return connect(
    {
      socket,
      rejectUnauthorized: false,
      // Names are looked at by `certificateProblem`: the library takes wildcards that mail does not.
      checkServerIdentity: () => undefined,
      ...(isIP(hostName) === 0 ? { servername: hostName } : {}),
      ...(context === undefined ? {} : { secureContext: context }),
    },
    onSecure,
  );
}
