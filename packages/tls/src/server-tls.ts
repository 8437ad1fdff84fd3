import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { TlsContext } from "./tls-context.ts";

/**
 * Turns an accepted connection into the server's end of a TLS connection (STARTTLS). No octet of it may wait unread.
 *
 * @param onSecure The handshake is done. If it fails, the returned socket raises `error` and closes.
 */
export function startServerTls(socket: Socket, context: TlsContext, onSecure: () => void): TLSSocket {
  const secured = new TLSSocket(socket, {
    isServer: true,
    secureContext: context.secureContext,
    requestCert: false,
  });
  secured.once("secure", onSecure);
  return secured;
}
