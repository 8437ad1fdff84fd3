import { once } from "node:events";
import { createConnection, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { ScanServer } from "@postbus/contracts";
import { EngineError } from "./engine-error.ts";

/** Engines are near; Exim waits 5 s. */
const CONNECT_TIMEOUT_MS = 5_000;

export interface ExchangeOptions {
  readonly server: ScanServer;
  /** Octets of the answer; one that is longer is none. */
  readonly maxAnswerOctets: number;
  /** Our side is closed behind the request: to some engines that is its end. */
  readonly endsRequest: boolean;
  /** For all of it. */
  readonly signal: AbortSignal;
  /** Behind a refused connection, it is tried once more after so long; 0: not. */
  readonly retryMs?: number;
}

/**
 * One question over a connection of its own, and the answer, which ends when the engine closes.
 *
 * @param request Each piece is used up when the next one is asked for. What it throws is thrown.
 * @throws {EngineError}
 */
export async function exchange(
  request: AsyncIterable<Buffer> | Iterable<Buffer>,
  options: ExchangeOptions,
): Promise<Buffer> {
  const socket = await connect(options);
  const { signal, maxAnswerOctets, endsRequest } = options;
  const cut = (): void => {
    socket.destroy(new EngineError("no answer in time"));
  };
  signal.addEventListener("abort", cut, { once: true });
  try {
    if (signal.aborted) cut();
    const [, answer] = await Promise.all([send(request, socket, endsRequest), readAll(socket, maxAnswerOctets)]);
    return answer;
  } finally {
    signal.removeEventListener("abort", cut);
    socket.destroy();
  }
}

async function connect(options: ExchangeOptions): Promise<Socket> {
  const { retryMs = 0, signal } = options;
  try {
    return await connectOnce(options);
  } catch (err) {
    if (retryMs === 0 || signal.aborted) throw err;
    // Cut short, the connection says that there is no time left.
    await sleep(retryMs, undefined, { signal }).catch(() => undefined);
    return connectOnce(options);
  }
}

async function connectOnce({ server, signal }: ExchangeOptions): Promise<Socket> {
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(CONNECT_TIMEOUT_MS)]);
  const socket = createConnection("path" in server ? { path: server.path } : { ...server });
  // Whoever reads or writes hears of it; between the two, nobody does.
  socket.on("error", () => undefined);
  try {
    await once(socket, "connect", { signal: inTime });
    return socket;
  } catch (err) {
    socket.destroy();
    throw new EngineError(`cannot connect: ${inTime.aborted ? "no answer in time" : reasonOf(err)}`, { cause: err });
  }
}

/**
 * An engine may answer before it has heard everything, and close: then the answer counts, and what could not be written
 * does not matter.
 */
async function send(
  request: AsyncIterable<Buffer> | Iterable<Buffer>,
  socket: Socket,
  endsRequest: boolean,
): Promise<void> {
  for await (const octets of request) {
    if (!(await isWritten(socket, octets))) return;
  }
  if (endsRequest) socket.end();
}

/** Resolves when the octets have left, or cannot any more: until then their memory is in use. */
function isWritten(socket: Socket, octets: Buffer): Promise<boolean> {
  if (!socket.writable) return Promise.resolve(false);
  return new Promise((resolve) => {
    socket.write(octets, (err) => resolve(err === undefined || err === null));
  });
}

async function readAll(socket: Socket, maxOctets: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  try {
    for await (const octets of socket as AsyncIterable<Buffer>) {
      size += octets.length;
      if (size > maxOctets) throw new EngineError(`the answer is longer than ${maxOctets} octets`);
      pieces.push(octets);
    }
  } catch (err) {
    if (err instanceof EngineError) throw err;
    // It has closed without reading everything; what it has said before counts.
    if (size === 0) throw new EngineError(`the connection was lost: ${reasonOf(err)}`, { cause: err });
  }
  return Buffer.concat(pieces, size);
}

const reasonOf = (err: unknown): string => {
  if (!(err instanceof Error)) return String(err);
  return "code" in err && typeof err.code === "string" ? err.code : err.message;
};
