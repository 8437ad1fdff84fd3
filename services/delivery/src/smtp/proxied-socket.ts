import { connect, type Socket } from "node:net";
import { constants } from "node:os";
import type { OutgoingProxy } from "@postbus/policy";
import { strerror, systemError } from "../system-error.ts";
import type { NextHop } from "./next-hop.ts";
import { proxyHeader } from "./proxy-header.ts";
import { SocksClient } from "./socks-client.ts";

/** Octets that a proxy may say before the host does. */
const MAX_OCTETS = 1_024;

export type ProxiedSocket =
  /** Paused; `rest` is what the host has said already. */
  | { readonly socket: Socket; readonly rest: Buffer; readonly proxy: Pick<OutgoingProxy, "address" | "port"> }
  | { readonly errno: number; readonly text: string };

/**
 * A connection to a host through the first proxy that gets there: those of the highest priority first, among equals by
 * their weights. A proxy that says that the host cannot be reached is believed.
 *
 * @param localAddress `interface`: where the connection to a SOCKS proxy comes from; to HAProxy, where its own connection to the
 *   host is to come from.
 * @param timeoutMs For the host, behind the time of the proxy itself.
 */
export async function proxiedSocket(
  proxies: readonly OutgoingProxy[],
  hop: NextHop,
  localAddress: string | undefined,
  timeoutMs: number,
): Promise<ProxiedSocket> {
  let last: ProxiedSocket = { errno: constants.errno.EHOSTUNREACH, text: "no proxy" };
  for (const proxy of inOrder(proxies)) {
    const tried = await through(proxy, hop, localAddress, timeoutMs);
    if ("socket" in tried || tried.isHost) return tried;
    last = tried;
  }
  return last;
}

function inOrder(proxies: readonly OutgoingProxy[]): readonly OutgoingProxy[] {
  // A weighted order: the larger the weight, the nearer to the front (Efraimidis and Spirakis).
  return proxies
    .map((proxy) => ({ proxy, place: Math.random() ** (1 / Math.max(proxy.weight, 1e-6)) }))
    .sort((a, b) => b.proxy.priority - a.proxy.priority || b.place - a.place)
    .map(({ proxy }) => proxy);
}

type Tried = ProxiedSocket & { readonly isHost?: boolean };

function through(
  proxy: OutgoingProxy,
  hop: NextHop,
  localAddress: string | undefined,
  timeoutMs: number,
): Promise<Tried> {
  const { promise, resolve } = Promise.withResolvers<Tried>();
  const client = proxy.protocol === "socks" ? new SocksClient(proxy, hop) : undefined;
  const socket = connect({
    host: proxy.address,
    port: proxy.port,
    noDelay: true,
    ...(client !== undefined && localAddress !== undefined ? { localAddress } : {}),
  });
  let timer = setTimeout(() => fail(constants.errno.ETIMEDOUT, strerror(constants.errno.ETIMEDOUT)), proxy.timeoutMs);
  const end = (tried: Tried): void => {
    clearTimeout(timer);
    socket.removeAllListeners();
    if (!("socket" in tried)) {
      socket.on("error", () => undefined); // Nobody waits for it any more.
      socket.destroy();
    }
    resolve(tried);
  };
  const fail = (errno: number, text: string, isHost = false): void =>
    end({ errno, text: `${text} (proxy ${proxy.address})`, isHost });
  let octetCount = 0;
  if (client === undefined) {
    // HAProxy does not answer: what comes is the host's, or the connection closes.
    socket.on("connect", () => {
      socket.write(proxyHeader(hop, localAddress));
      socket.pause();
      end({ socket, rest: Buffer.alloc(0), proxy });
    });
  } else {
    socket.on("connect", () => socket.write(client.begin()));
    socket.on("data", (octets: Buffer) => {
      octetCount += octets.length;
      const step = client.receive(octets);
      if (step.kind === "write") {
        socket.write(step.octets);
        // The proxy answers; what takes long is the host.
        clearTimeout(timer);
        timer = setTimeout(() => fail(constants.errno.ETIMEDOUT, strerror(constants.errno.ETIMEDOUT), true), timeoutMs);
      } else if (step.kind === "open") {
        socket.pause();
        end({ socket, rest: step.rest, proxy });
      } else if (step.kind === "failed") {
        fail(constants.errno.ECONNREFUSED, step.text, step.isHost);
      } else if (octetCount > MAX_OCTETS) {
        fail(constants.errno.EPROTO, "it does not speak SOCKS 5");
      }
    });
  }
  socket.on("error", (err) => {
    const known = systemError(err) ?? { errno: constants.errno.EIO, text: err.message };
    fail(known.errno, known.text);
  });
  socket.on("close", () => fail(constants.errno.ECONNRESET, "the proxy has closed the connection"));
  return promise;
}
