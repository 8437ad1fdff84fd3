import { isIP, type Socket } from "node:net";
import { connect, type TLSSocket } from "node:tls";

/** Opportunistic: a certificate that nobody vouches for is better than clear text (RFC 7435). */
export function tlsOver(socket: Socket, hostName: string, onSecure: () => void): TLSSocket {
  const servername = isIP(hostName) === 0 ? { servername: hostName } : {};
  return connect({ socket, rejectUnauthorized: false, ...servername }, onSecure);
}
