import { createServer, isIPv6, type Server, type Socket } from "node:net";

export interface ListenOptions {
  /** Connections that the kernel keeps for us to accept; Linux has a bound of its own, `net.core.somaxconn`. */
  readonly backlog: number;
  /** The kernel asks silent clients from time to time whether they are still there. */
  readonly keepAlive: boolean;
}

export interface Listeners {
  /** `host:port` or `[host]:port`, with the port that was really taken. */
  readonly addresses: readonly string[];
  /** Takes no more connections. Those that are open stay open. */
  close(): void;
}

/**
 * Listens on every interface and port.
 *
 * @param onConnection Told the port as it is named in `ports`.
 *
 * An address that the machine has not is told to `onError`, and left out as long as another one is there.
 *
 * @throws the operating system's error (EADDRINUSE, EACCES …); nothing is left open then.
 */
export async function openListeners(
  interfaces: readonly string[],
  ports: readonly number[],
  options: ListenOptions,
  onConnection: (socket: Socket, port: number) => void,
  onError: (err: Error) => void,
): Promise<Listeners> {
  const servers: Server[] = [];
  let missing: Error | undefined;
  const close = (): void => {
    for (const server of servers) server.close();
  };
  try {
    for (const host of interfaces) {
      for (const port of ports) {
        try {
          servers.push(await listen(host, port, options, (socket) => onConnection(socket, port), onError));
        } catch (err) {
          if (!isNoSuchAddress(err)) throw err;
          missing = err;
          onError(err);
        }
      }
    }
    // One address that this machine has not (IPv6 where it is switched off) is no reason to refuse mail at the others.
    if (servers.length === 0 && missing !== undefined) throw missing;
  } catch (err) {
    close();
    throw err;
  }
  return { addresses: servers.map(boundAddress), close };
}

const isNoSuchAddress = (err: unknown): err is Error =>
  err instanceof Error && "code" in err && (err.code === "EADDRNOTAVAIL" || err.code === "EAFNOSUPPORT");

async function listen(
  host: string,
  port: number,
  { backlog, keepAlive }: ListenOptions,
  onConnection: (socket: Socket) => void,
  onError: (err: Error) => void,
): Promise<Server> {
  // A client may close its side behind QUIT and still read our reply. Replies are whole when written: no Nagle.
  const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive }, onConnection);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    // `::` alone must not take IPv4's port, too: both are named in `local_interfaces` where both are wanted.
    server.listen({ host, port, backlog, ipv6Only: isIPv6(host) }, () => {
      server.removeListener("error", reject);
      resolve();
    });
  });
  // accept() can fail later, for want of file descriptors: said aloud, and the listener goes on.
  server.on("error", onError);
  return server;
}

function boundAddress(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a listener without an address");
  return address.family === "IPv6" ? `[${address.address}]:${address.port}` : `${address.address}:${address.port}`;
}
