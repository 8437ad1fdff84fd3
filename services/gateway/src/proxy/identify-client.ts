import type { Socket } from "node:net";
import type { ClientEndpoint } from "@postbus/policy";
import type { Surroundings } from "../surroundings.ts";
import { clientBehind } from "./client-behind.ts";
import { type ProxyReading, readProxyHeader } from "./read-proxy-header.ts";

/** Who wants to know who the client is. One of the two is called, once. */
export interface IdentityListener {
  /** The session may begin; the socket is paused, and nobody listens to it. */
  onKnown(client: ClientEndpoint): void;
  /** The connection is over. */
  onGone(): void;
}

/**
 * Finds out who the client of a connection is: the peer, or whom it names in a PROXY header if it is in `hosts_proxy`. A
 * peer that must send one and does not is still a client: the session tells it so.
 */
export function identifyClient(
  socket: Socket,
  peer: ClientEndpoint,
  around: Surroundings,
  listener: IdentityListener,
): void {
  const onError = (err: Error): void => {
    around.log.debug({ err, clientAddress: peer.address }, "connection lost");
  };
  const onClose = (): void => listener.onGone();
  socket.on("error", onError);
  socket.on("close", onClose);

  const known = (client: ClientEndpoint): void => {
    socket.pause();
    socket.removeListener("error", onError);
    socket.removeListener("close", onClose);
    listener.onKnown(client);
  };
  const read = (reading: ProxyReading): void => {
    note(reading, peer, around);
    if (reading.kind === "gone") socket.destroy();
    else known(clientBehind(peer, reading));
  };
  const decide = (isProxy: boolean): void => {
    // `onClose` has been told, or will be.
    if (socket.destroyed) return;
    if (isProxy) readProxyHeader(socket, around.policy.smtp.proxyTimeoutMs, read);
    else if (socket.readableEnded) socket.destroy();
    else known(peer);
  };
  const isProxy = around.policy.isProxy?.(peer) ?? false;
  if (!(isProxy instanceof Promise)) {
    decide(isProxy);
    return;
  }
  isProxy.then(decide).catch((err: unknown) => {
    around.log.error({ err, clientAddress: peer.address }, "session failed");
    socket.destroy();
  });
}

/** A header that is wrong or missing is counted and logged, once for its connection; probes are counted only. */
function note(reading: ProxyReading, { address, port }: ClientEndpoint, around: Surroundings): void {
  const { metrics, rejections, messageIds } = around;
  if (reading.kind === "header") {
    metrics.proxyHeaders.inc({ result: reading.header.command === "local" ? "local" : "ok" });
    return;
  }
  // Balancers look whether a port is open and say nothing.
  if (reading.kind === "gone" && !reading.hasSpoken) return;
  metrics.proxyHeaders.inc({ result: reading.kind === "timeout" ? "timeout" : "invalid" });
  const reason = reading.kind === "gone" ? "the connection was closed in the middle of it" : reading.reason;
  rejections.add({
    v: 1,
    id: `${messageIds.next()}/reject`,
    atMs: Date.now(),
    service: "gateway",
    name: "smtp:reject",
    clientAddress: address,
    clientPort: port,
    text: `required Proxy negotiation failed: ${reason}`,
  });
}
