import { connect, type NatsConnection } from "@nats-io/transport-node";
import { ConfigError } from "@postbus/mail";
import { BusUnavailableError } from "../bus-error.ts";
import type { OnProblem } from "./link.ts";

/** How long a server that is away at start is waited for. */
const START_DEADLINE_MS = 30_000;
const RETRY_PAUSE_MS = 250;
/** Longer than a server on the way takes to answer; then somebody who watches the start wants to know. */
const SAY_WAITING_MS = 1_000;
/** A connection over which nothing comes for two of them is given up: so long a silent partition stays unnoticed. */
const PING_MS = 5_000;
/**
 * For a server that takes the connection to greet us. One that dies just then is not noticed by the client before this
 * is over (its default, 20 s, was seen to hold up all mail for so long).
 */
const GREETING_MS = 3_000;

export interface ConnectionOptions {
  /** `nats://[user:password@]host:port` or `nats://token@host:port`, all of one cluster. */
  readonly servers: readonly string[];
  /** Shown by the server's monitoring. */
  readonly name?: string;
  readonly startDeadlineMs?: number;
  /** Told once that no server answers yet and it is waited; with the servers' addresses, without credentials. */
  readonly onWaiting?: (servers: string) => void;
  /** Told what goes wrong in the background; by default a warning of the process. */
  readonly onProblem?: OnProblem;
}

/** @throws {BusUnavailableError} no server in time. @throws {ConfigError} it does not let us in. */
export async function openConnection(options: ConnectionOptions): Promise<NatsConnection> {
  const { servers, credentials } = readUrls(options.servers);
  const giveUpAtMs = performance.now() + (options.startDeadlineMs ?? START_DEADLINE_MS);
  const waiting = setTimeout(() => options.onWaiting?.(servers.join(", ")), SAY_WAITING_MS);
  try {
    return await connectUntil(giveUpAtMs, servers, credentials, options.name);
  } finally {
    clearTimeout(waiting);
  }
}

async function connectUntil(
  giveUpAtMs: number,
  servers: string[],
  credentials: Credentials,
  name = "postbus",
): Promise<NatsConnection> {
  for (;;) {
    try {
      return await connect({
        servers,
        ...credentials,
        name,
        timeout: GREETING_MS,
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

const SCHEMES: ReadonlySet<string> = new Set(["nats:", "tls:"]);

type Credentials = { user: string; pass: string } | { token: string } | Record<string, never>;

/** Credentials come with the URL; the client does not read them from there. */
function readUrls(urls: readonly string[]): { readonly servers: string[]; readonly credentials: Credentials } {
  let credentials: Credentials = {};
  const servers = urls.map((text) => {
    const url = URL.parse(text.includes("://") ? text : `nats://${text}`);
    if (url === null || url.hostname === "" || !SCHEMES.has(url.protocol)) {
      // What may be a password is not shown.
      const shown = text.replace(/[^/@]*@/, "…@");
      throw new ConfigError(`NATS_URL: ${JSON.stringify(shown)} is not a server's address like nats://host:4222`);
    }
    const [user, pass] = [decoded(url.username), decoded(url.password)];
    if (pass !== "") credentials = { user, pass };
    else if (user !== "") credentials = { token: user };
    return `${url.protocol}//${url.host}`;
  });
  return { servers, credentials };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (err) {
    throw new ConfigError("NATS_URL: in user and password, a % must be written as %25", { cause: err });
  }
}
