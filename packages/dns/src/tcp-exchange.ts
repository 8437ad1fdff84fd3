import { connect } from "node:net";
import { type ExchangeRequest, failed, givenUp, noAnswer, type Outcome, readFrom, silent } from "./exchange.ts";
import type { RecordType } from "./record.ts";

/** RFC 1035 §4.2.2: messages over TCP have two octets of length before them. */
const LENGTH_OCTETS = 2;

/** Asks over TCP: for answers that did not fit into a packet. */
export function tcpExchange<T extends RecordType>(request: ExchangeRequest<T>): Promise<Outcome<T>> {
  return new Promise((resolve) => {
    const { server, query, timeoutMs, signal } = request;
    const socket = connect({ host: server.address, port: server.port });
    const settle = (response: Outcome<T>): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      socket.removeAllListeners().on("error", () => undefined);
      socket.destroy();
      resolve(response);
    };
    const timer = setTimeout(() => settle(noAnswer(timeoutMs)), timeoutMs);
    const onAbort = (): void => settle(givenUp);
    signal?.addEventListener("abort", onAbort, { once: true });
    const length = Buffer.alloc(LENGTH_OCTETS);
    length.writeUInt16BE(query.octets.length);
    // In one write: servers exist that do not wait for the second segment.
    socket.write(Buffer.concat([length, query.octets]));
    // At most 65,537 octets: the length field bounds what is kept.
    let received: Buffer = Buffer.alloc(0);
    socket.on("data", (octets: Buffer) => {
      received = Buffer.concat([received, octets]);
      if (received.length < LENGTH_OCTETS) return;
      const end = LENGTH_OCTETS + received.readUInt16BE(0);
      if (received.length < end) return;
      const response = readFrom(request, received.subarray(LENGTH_OCTETS, end));
      if (response.kind === "stray") settle(failed("an answer to another question over TCP"));
      else if (response.kind === "truncated") settle(failed("a truncated answer over TCP"));
      else settle(response);
    });
    socket.on("error", (err) => settle(silent(err.message)));
    socket.on("close", () => settle(silent("connection closed without an answer")));
  });
}
