import type { Socket } from "node:net";
import { type ClientEndpoint, isProxyItself } from "@postbus/policy";
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
    if (reading.kind === "gone") {
      if (reading.hasSpoken) noteFailure("invalid", "the connection was closed in the middle of it", peer, around);
      // Else a balancer has looked whether the port is open.
      socket.destroy();
      return;
    }
    const client = clientBehind(peer, reading);
    if (reading.kind !== "header") noteFailure(reading.kind, reading.reason, peer, around);
    else around.metrics.proxyHeaders.inc({ result: isProxyItself(client) ? "local" : "ok" });
    known(client);
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

/** A header that is wrong or missing is counted and logged, once for its connection. */
function noteFailure(
  result: "timeout" | "invalid",
  reason: string,
  { address, port }: ClientEndpoint,
  { metrics, rejections, messageIds }: Surroundings,
): void {
  metrics.proxyHeaders.inc({ result });
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
