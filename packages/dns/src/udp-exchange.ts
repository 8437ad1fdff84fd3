import { createSocket } from "node:dgram";
import { type ExchangeRequest, givenUp, noAnswer, type Outcome, readFrom, silent } from "./exchange.ts";
import type { RecordType } from "./record.ts";

/**
 * Packets that are no answer to our question, before we take it that somebody is guessing (RFC 5452 §9.2) and ask over
 * TCP instead, where he cannot.
 */
const MAX_STRAY_PACKETS = 32;

/**
 * Asks over UDP. Every question has a socket of its own: its port, which the system draws at random, is part of what a
 * forger has to guess (RFC 5452 §4.5). The socket is connected, so that the kernel drops what comes from elsewhere and
 * tells us at once when nobody listens there (ICMP).
 */
export function udpExchange<T extends RecordType>(request: ExchangeRequest<T>): Promise<Outcome<T>> {
  return new Promise((resolve) => {
    const { server, query, timeoutMs, signal } = request;
    const socket = createSocket({ type: server.address.includes(":") ? "udp6" : "udp4" });
    let strays = 0;
    const settle = (response: Outcome<T>): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      // Not those of the socket itself, by which it is closed once it has been bound.
      for (const event of ["connect", "message", "error"]) socket.removeAllListeners(event);
      // An error that comes after the end (an ICMP message for the query) concerns nobody.
      socket.on("error", () => undefined);
      socket.close();
      resolve(response);
    };
    const timer = setTimeout(() => settle(noAnswer(timeoutMs)), timeoutMs);
    const onAbort = (): void => settle(givenUp);
    signal?.addEventListener("abort", onAbort, { once: true });
    socket.on("error", (err) => settle(silent(err.message)));
    socket.on("message", (packet) => {
      const response = readFrom(request, packet);
      if (response.kind !== "stray") settle(response);
      else if (++strays >= MAX_STRAY_PACKETS) settle({ kind: "truncated" });
    });
    socket.once("connect", () => socket.send(query.octets, (err) => (err ? settle(silent(err.message)) : undefined)));
    socket.connect(server.port, server.address);
  });
}
