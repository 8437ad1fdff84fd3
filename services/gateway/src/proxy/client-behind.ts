import { type ClientEndpoint, type ProxyView, withoutProxiedClient } from "@postbus/policy";
import type { ProxyHeader } from "@postbus/smtp";
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
