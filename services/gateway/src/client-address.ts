import type { Socket } from "node:net";
import type { ClientEndpoint } from "@postbus/policy";

/** Both ends of an accepted connection, as its socket says. */
export function peerOf({
  remoteAddress = "",
  remotePort = 0,
  localAddress = "",
  localPort = 0,
}: Socket): ClientEndpoint {
  return {
    address: clientAddress(remoteAddress),
    port: remotePort,
    interfaceAddress: clientAddress(localAddress),
    interfacePort: localPort,
  };
}

/** A socket's address as mail software writes it: an IPv4 client of a dual-stack listener is an IPv4 client (RFC 4291 §2.5.5.2), and zones are ours alone. */
export function clientAddress(remoteAddress: string): string {
  if (remoteAddress.startsWith("::ffff:") && remoteAddress.includes(".")) return remoteAddress.slice("::ffff:".length);
  const zone = remoteAddress.indexOf("%");
  return zone < 0 ? remoteAddress : remoteAddress.slice(0, zone);
}
