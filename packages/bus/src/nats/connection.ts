import { connect, type NatsConnection } from "@nats-io/transport-node";
import { ConfigError } from "@postbus/mail";
import { BusUnavailableError } from "../bus-error.ts";
import type { OnProblem } from "./link.ts";

/** How long a server that is away at start is waited for. */
const START_DEADLINE_MS = 30_000;
const RETRY_PAUSE_MS = 250;
/** A connection over which nothing comes for two of them is given up: so long a silent partition stays unnoticed. */
const PING_MS = 5_000;

export interface ConnectionOptions {
  /** `nats://[user:password@]host:port` or `nats://token@host:port`, all of one cluster. */
  readonly servers: readonly string[];
  /** Shown by the server's monitoring. */
  readonly name?: string;
  readonly startDeadlineMs?: number;
  /** Told what goes wrong in the background; by default a warning of the process. */
  readonly onProblem?: OnProblem;
}

/** @throws {BusUnavailableError} no server in time. @throws {ConfigError} it does not let us in. */
export async function openConnection(options: ConnectionOptions): Promise<NatsConnection> {
  const { servers, credentials } = readUrls(options.servers);
  const giveUpAtMs = performance.now() + (options.startDeadlineMs ?? START_DEADLINE_MS);
  for (;;) {
    try {
      return await connect({
        servers,
        ...credentials,
        name: options.name ?? "postbus",
        maxReconnectAttempts: -1,
        reconnectTimeWait: RETRY_PAUSE_MS,
        reconnectJitter: RETRY_PAUSE_MS,
        pingInterval: PING_MS,
        maxPingOut: 2,
        noAsyncTraces: true,
      });
    } catch (err) {
      const { name, message } = err instanceof Error ? err : new Error(String(err));
      if (/authoriz|authentic/i.test(`${name} ${message}`)) throw new ConfigError(`NATS: ${message}`, { cause: err });
      if (performance.now() > giveUpAtMs) {
        throw new BusUnavailableError(`no NATS server answers at ${servers.join(", ")}`, { cause: err });
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE_MS));
    }
  }
}

type Credentials = { user: string; pass: string } | { token: string } | Record<string, never>;

/** Credentials come with the URL; the client does not read them from there. */
function readUrls(urls: readonly string[]): { readonly servers: string[]; readonly credentials: Credentials } {
  let credentials: Credentials = {};
  const servers = urls.map((text) => {
    const url = URL.parse(text.includes("://") ? text : `nats://${text}`);
    if (url === null || url.hostname === "") throw new ConfigError(`NATS: not a server's address: ${text}`);
    const [user, pass] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
    if (pass !== "") credentials = { user, pass };
    else if (user !== "") credentials = { token: user };
    return `${url.protocol}//${url.host}`;
  });
  return { servers, credentials };
}
