import { isIPv4, type Socket } from "node:net";
import type { ConnectionView } from "@postbus/policy";
import type { AttemptResult } from "@postbus/queue";
import type { ClientSession } from "@postbus/smtp";
import type { NextHop } from "./next-hop.ts";

/** What results say of the host and the connection. */
export type HostFacts = Pick<
  Extract<AttemptResult, { outcome: "deferred" }>,
  | "host"
  | "hostAddress"
  | "hostPort"
  | "proxyAddress"
  | "proxyPort"
  | "localAddress"
  | "localPort"
  | "cipher"
  | "certificateVerified"
  | "peerName"
  | "tlsResumption"
  | "authenticator"
  | "authenticatedId"
  | "isPipelined"
  | "isChunked"
  | "greeting"
  | "heloReply"
  | "steps"
>;

/** @param authenticated By which authenticator, and as whom, if at all. */
export function hostFacts(
  { name, address, port }: NextHop,
  { localAddress, localPort }: Pick<Socket, "localAddress" | "localPort">,
  session: ClientSession,
  tls: TlsFacts | undefined,
  authenticated: Pick<HostFacts, "authenticator" | "authenticatedId">,
  proxy?: { readonly address: string; readonly port: number },
): HostFacts {
  const { pipelines, chunks } = session.uses;
  return {
    host: name,
    hostAddress: address,
    hostPort: port,
    ...(proxy === undefined ? {} : { proxyAddress: proxy.address, proxyPort: proxy.port }),
    ...(localAddress === undefined ? {} : { localAddress }),
    ...(localPort === undefined ? {} : { localPort }),
    ...(tls === undefined
      ? {}
      : { cipher: tls.cipher, certificateVerified: tls.isVerified, tlsResumption: tls.resumption }),
    ...(tls?.peerName === undefined ? {} : { peerName: tls.peerName }),
    ...authenticated,
    ...(pipelines ? { isPipelined: true } : {}),
    ...(chunks ? { isChunked: true } : {}),
    ...session.firstWords,
  };
}

/** What is known of TLS on a connection. */
export type TlsFacts = NonNullable<ConnectionView["tls"]>;

/** Of the addresses of `interface`, the first of the host's family: where a connection to it comes from; undefined: the system says. */
export const localEnd = (interfaces: readonly string[], hostAddress: string): string | undefined =>
  interfaces.find((address) => isIPv4(address) === isIPv4(hostAddress));
