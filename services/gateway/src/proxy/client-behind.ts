import { type ClientEndpoint, type ProxyView, withoutProxiedClient } from "@postbus/policy";
import type { ProxyHeader, XclientValues } from "@postbus/smtp";
import { clientAddress } from "../client-address.ts";
import type { ProxyReading } from "./read-proxy-header.ts";

/** The client of a connection from a proxy: whom the header names, else the proxy itself. Our own address stays what it is. */
export function clientBehind(peer: ClientEndpoint, reading: Exclude<ProxyReading, { kind: "gone" }>): ClientEndpoint {
  if (reading.kind !== "header") return { ...peer, proxy: withoutProxiedClient("failed") };
  const { header } = reading;
  if (header.command === "local") return { ...peer, proxy: withoutProxiedClient("local") };
  const { address, port } = header.source;
  return { ...peer, address: clientAddress(address), port, proxy: proxyView(peer, header) };
}

/**
 * The client that a proxy names by XCLIENT. An address begins another client, of whom nothing holds that was said of the
 * one before; what comes without one is about the present one. Without any address it is nobody whose address could open
 * anything.
 *
 * @param peer The proxy. @param present Whom it has named before, or itself.
 */
export function clientNamed(
  peer: ClientEndpoint,
  present: ClientEndpoint,
  values: Readonly<XclientValues>,
): ClientEndpoint {
  const { address, port = 0, name, login, destinationAddress, destinationPort = 0 } = values;
  const known = {
    ...(address === undefined ? present : peer),
    ...(name === undefined ? {} : { name }),
    ...(login === undefined ? {} : { login }),
  };
  if (address === undefined && present !== peer) return known;
  if (address === undefined || address === "") return { ...known, proxy: withoutProxiedClient("local") };
  const destination = { address: destinationAddress ?? "", port: destinationPort };
  const header = { command: "proxy", source: { address, port }, destination, details: {} } as const;
  return { ...known, address: clientAddress(address), port, proxy: proxyView(peer, header) };
}

function proxyView(peer: ClientEndpoint, header: Extract<ProxyHeader, { command: "proxy" }>): ProxyView {
  const { destination, details } = header;
  return {
    result: "ok",
    localAddress: peer.address,
    localPort: peer.port,
    externalAddress: clientAddress(destination.address),
    externalPort: destination.port,
    ...details,
  };
}
