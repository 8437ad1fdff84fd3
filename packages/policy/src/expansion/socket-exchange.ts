import { once } from "node:events";
import { createConnection, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { MAX_OCTETS } from "./code.ts";
import { ExpansionFailure } from "./failures.ts";

interface Exchange {
  /** For all of it. */
  readonly timeoutMs: number;
  /** Says that no more will come, once the request is out; some servers answer only then. */
  readonly endsRequest: boolean;
  readonly usesTls: boolean;
  readonly serverName: string | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * Sends a request to a socket and reads all that comes until the other end closes.
 *
 * @param where An absolute path, or `inet:host:port`.
 * @throws What the system says, or {ExpansionFailure} for a name that is none, or an answer that is too long.
 */
export async function socketExchange(where: string, request: string, options: Exchange): Promise<string> {
  const timeout = AbortSignal.timeout(options.timeoutMs);
  const signal = options.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal]);
  const socket = opened(where, options);
  const close = (): void => {
    socket.destroy(new Error("timeout"));
  };
  signal.addEventListener("abort", close, { once: true });
  try {
    await once(socket, options.usesTls ? "secureConnect" : "connect", { signal });
    if (options.endsRequest) socket.end(request, "latin1");
    else socket.write(request, "latin1");
    let answer = "";
    for await (const octets of socket) {
      answer += (octets as Buffer).toString("latin1");
      if (answer.length > MAX_OCTETS)
        throw new ExpansionFailure(`answer of ${where} is longer than ${MAX_OCTETS} octets`);
    }
    return answer;
  } finally {
    signal.removeEventListener("abort", close);
    socket.destroy();
  }
}

function opened(where: string, { usesTls, serverName }: Exchange): Socket {
  const [, bracketed, plain = "", port] = /^inet:(?:\[([^\]]*)\]|([^:]*)):([0-9]{1,5})$/.exec(where) ?? [];
  if (port === undefined) {
    if (!where.startsWith("/"))
      throw new ExpansionFailure(`socket name "${where}" is neither a path nor inet:host:port`);
    return createConnection({ path: where });
  }
  const target = { host: bracketed ?? plain, port: Number(port) };
  if (!usesTls) return createConnection(target);
  // As in Exim: the certificate is not looked at, since the server is named by the operator and usually on this machine.
  return connectTls({
    ...target,
    rejectUnauthorized: false,
    ...(serverName === undefined ? {} : { servername: serverName }),
  });
}
