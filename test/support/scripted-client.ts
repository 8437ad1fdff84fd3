import { once } from "node:events";
import { connect } from "node:net";

/** Longer than any of them takes. */
const DEADLINE_MS = 60_000;

/**
 * Says one thing after the other to a server, each after the reply to the one before, and goes: after the last reply, or
 * when the server closes.
 *
 * @param lines Each may be several lines, for a pipelined group or a content; of a group, so many replies are waited for as
 *   it has commands. The last one `…` means: go without a word.
 */
export async function runScript(port: number, lines: readonly string[]): Promise<readonly string[]> {
  const socket = connect(port, "127.0.0.1");
  const signal = AbortSignal.timeout(DEADLINE_MS);
  signal.addEventListener("abort", () => wake?.());
  const replies: string[] = [];
  let buffer = "";
  let hasClosed = false;
  let wake: (() => void) | undefined;
  socket.on("data", (octets: Buffer) => {
    buffer += octets.toString("latin1");
    for (let end = buffer.indexOf("\r\n"); end >= 0; end = buffer.indexOf("\r\n")) {
      const line = buffer.slice(0, end);
      buffer = buffer.slice(end + 2);
      if (line[3] !== "-") replies.push(line);
    }
    wake?.();
  });
  socket.on("close", () => {
    hasClosed = true;
    wake?.();
  });
  socket.on("error", () => undefined); // A server that closes first; the replies tell.
  const until = async (count: number): Promise<void> => {
    while (replies.length < count && !hasClosed) {
      signal.throwIfAborted();
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      await promise;
    }
  };
  let expected = 1;
  await until(expected);
  for (const text of lines) {
    if (hasClosed) break;
    socket.write(`${text.replaceAll("\n", "\r\n")}\r\n`, "latin1");
    expected += text.endsWith("\n.") ? 1 : text.split("\n").length;
    await until(expected);
  }
  socket.end();
  if (!hasClosed) await once(socket, "close", { signal });
  return replies;
}
