import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** What the client knows about one message at the end. */
export interface Submitted {
  /** In the header field `X-Load-Id`. */
  readonly id: string;
  /** How many 250s it got for the content; more than 1 only if a reply was lost and it tried again. */
  readonly acknowledged: number;
  /** Transactions that broke off after the dot: whether they were accepted is not known. */
  readonly unknown: number;
  /** What the server called it, from `id=` of the 250s. */
  readonly messageIds: readonly string[];
}

export interface LoadOptions {
  readonly port: number;
  readonly connections: number;
  /** Ids are `<prefix>-<n>`. */
  readonly prefix: string;
  /** No new messages after so many acknowledged ones. */
  readonly messages: number;
  readonly recipients?: (n: number) => readonly string[];
  /** Octets of body. */
  readonly size?: number;
  /** Messages a second over all connections, at most. */
  readonly rate?: number;
  /** Gives up when this fires; what is open then stays unacknowledged. */
  readonly signal?: AbortSignal;
}

/** How long a client waits for a reply before it takes the connection for dead. */
const REPLY_TIMEOUT_MS = 45_000;
/** Between attempts to reach a server that is down. */
const RECONNECT_MS = 50;

/**
 * Sends messages with ids until so many are acknowledged, as a real client does: what got no 250 is tried again,
 * in a new transaction, for as long as it takes. A server that is not there is waited for.
 */
export async function submit(options: LoadOptions): Promise<readonly Submitted[]> {
  const results: { id: string; acknowledged: number; unknown: number; messageIds: string[] }[] = [];
  let next = 0;
  const start = performance.now();
  const isOver = (): boolean => options.signal?.aborted ?? false;
  const worker = async (): Promise<void> => {
    let session: Session | undefined;
    while (next < options.messages && !isOver()) {
      const n = next++;
      if (options.rate !== undefined) {
        const due = start + (n / options.rate) * 1000;
        const earlyMs = due - performance.now();
        if (earlyMs > 0) await delay(earlyMs);
      }
      const result = { id: `${options.prefix}-${n}`, acknowledged: 0, unknown: 0, messageIds: [] as string[] };
      results.push(result);
      while (result.acknowledged === 0 && !isOver()) {
        try {
          session ??= await openSession(options.port);
          const reply = await session.send(
            result.id,
            options.recipients?.(n) ?? ["user@sink.test"],
            options.size ?? 1024,
          );
          if (reply.startsWith("250")) {
            result.acknowledged++;
            result.messageIds.push(/ id=(\S+)/.exec(reply)?.[1] ?? "?");
          } else await delay(RECONNECT_MS); // 4xx or 5xx: not accepted, later again.
        } catch (err) {
          if (err instanceof BrokenOff && err.afterDot) result.unknown++;
          session?.close();
          session = undefined;
          await delay(RECONNECT_MS);
        }
      }
    }
    session?.quit();
  };
  await Promise.all(Array.from({ length: options.connections }, worker));
  return results;
}

/** The connection ended. */
class BrokenOff extends Error {
  override readonly name = "BrokenOff";
  /** The dot was on its way: the server may have accepted the message. */
  readonly afterDot: boolean;

  constructor(afterDot: boolean) {
    super(afterDot ? "connection lost after the dot" : "connection lost");
    this.afterDot = afterDot;
  }
}

interface Session {
  /** @returns the reply to the dot, or the first refusal. */
  send(id: string, recipients: readonly string[], size: number): Promise<string>;
  quit(): void;
  close(): void;
}

async function openSession(port: number): Promise<Session> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  socket.setTimeout(REPLY_TIMEOUT_MS, () => socket.destroy());
  const replies = replyReader(socket);
  await once(socket, "connect");
  const greeting = await replies();
  if (!greeting.startsWith("220")) {
    socket.destroy();
    throw new BrokenOff(false);
  }
  socket.write("EHLO load.test\r\n");
  await replies();
  return {
    async send(id, recipients, size) {
      const rcpt = recipients.map((recipient) => `RCPT TO:<${recipient}>\r\n`).join("");
      socket.write(`MAIL FROM:<sender@load.test>\r\n${rcpt}DATA\r\n`);
      let refused: string | undefined;
      for (let i = 0; i < recipients.length + 2; i++) {
        const reply = await replies();
        if (!/^[23]/.test(reply)) refused ??= reply;
      }
      if (refused !== undefined) {
        socket.write("RSET\r\n");
        await replies();
        return refused;
      }
      const line = `${"x".repeat(70)}\r\n`;
      const body = line.repeat(Math.max(1, Math.round(size / line.length)));
      socket.write(`Subject: load\r\nX-Load-Id: ${id}\r\n\r\n${body}.\r\n`);
      try {
        return await replies();
      } catch {
        throw new BrokenOff(true);
      }
    },
    quit: () => socket.end("QUIT\r\n"),
    close: () => socket.destroy(),
  };
}

/** One reply (its last line) per call. */
function replyReader(socket: Socket): () => Promise<string> {
  const lines: string[] = [];
  let rest = "";
  let ended = false;
  let wake = (): void => {};
  const end = (): void => {
    ended = true;
    wake();
  };
  socket.on("error", end); // What went wrong does not matter: the connection is gone, and `close` follows.
  socket.on("close", end);
  socket.on("end", end);
  socket.on("data", (chunk: Buffer) => {
    const parts = (rest + chunk.toString("latin1")).split("\r\n");
    rest = parts.pop() ?? "";
    for (const line of parts) if (line[3] !== "-") lines.push(line);
    wake();
  });
  return async () => {
    for (;;) {
      const line = lines.shift();
      if (line !== undefined) return line;
      if (ended) throw new BrokenOff(false);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
}
