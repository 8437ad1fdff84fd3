import type { Socket } from "node:net";
import { type ProxyHeader, parseProxyHeader } from "@postbus/smtp";

/** What came where a PROXY header had to come. */
export type ProxyReading =
  | { readonly kind: "header"; readonly header: ProxyHeader }
  /** None in time, or a wrong one. */
  | { readonly kind: "timeout" | "invalid"; readonly reason: string }
  /** The peer has closed its side. @property hasSpoken In the middle of a header. */
  | { readonly kind: "gone"; readonly hasSpoken: boolean };

/**
 * Reads a PROXY header from the start of a connection. What has come behind it is put back, and the socket is paused, when
 * `onRead` is called: once, and never after the socket was destroyed.
 */
export function readProxyHeader(socket: Socket, timeoutMs: number, onRead: (reading: ProxyReading) => void): void {
  let held: Buffer = NOTHING;
  /** Of a wrong header, octets that are still to be dropped. */
  let refused: { readonly reason: string; octets: number } | undefined;

  const end = (reading: ProxyReading | undefined, rest: Buffer = NOTHING): void => {
    clearTimeout(timer);
    socket.removeListener("data", onData);
    socket.removeListener("end", onEnd);
    socket.removeListener("close", onClose);
    if (reading === undefined) return;
    socket.pause();
    if (rest.length > 0) socket.unshift(rest);
    onRead(reading);
  };
  const drop = (octets: Buffer): void => {
    if (refused === undefined) return;
    const { reason } = refused;
    if (octets.length < refused.octets) refused.octets -= octets.length;
    else end({ kind: "invalid", reason }, octets.subarray(refused.octets));
  };
  const onData = (octets: Buffer): void => {
    if (refused === undefined) look(octets);
    else drop(octets);
  };
  const look = (octets: Buffer): void => {
    held = held.length === 0 ? octets : Buffer.concat([held, octets]);
    const parsed = parseProxyHeader(held);
    if (parsed.kind === "done") end({ kind: "header", header: parsed.header }, held.subarray(parsed.consumed));
    if (parsed.kind !== "invalid") return;
    refused = { reason: parsed.reason, octets: parsed.consumed };
    drop(held);
  };
  const onEnd = (): void => end({ kind: "gone", hasSpoken: held.length > 0 });
  const onClose = (): void => end(undefined);
  const timer = setTimeout(() => {
    const reason = refused?.reason ?? (held.length === 0 ? "no header in time" : "not a whole header in time");
    end({ kind: refused === undefined ? "timeout" : "invalid", reason });
  }, timeoutMs);

  socket.on("data", onData);
  socket.on("end", onEnd);
  socket.on("close", onClose);
}

const NOTHING = Buffer.alloc(0);
