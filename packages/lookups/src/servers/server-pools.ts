import type { LookupSettings } from "../lookup-settings.ts";
import { ConnectionPool, type PooledConnection, PoolTimeoutError } from "./connection-pool.ts";
import type { ServerAddress } from "./server-address.ts";
import { ServerTrouble } from "./server-trouble.ts";

/** For one query to one server: what an SMTP client waits for anyway, several times over. */
const SERVER_TIMEOUT_MS = 5_000;
const MAX_CONNECTIONS = 16;

/** A pool for each server of a type. */
export class ServerPools<C extends PooledConnection> {
  /** By the whole item, password included: whoever changes it gets new connections. */
  readonly #pools = new Map<string, ConnectionPool<C>>();
  readonly #settings: LookupSettings;
  readonly #open: (server: ServerAddress, timeoutMs: number) => Promise<C>;
  readonly #title: string;
  #isClosed = false;

  /** @param title How Exim's messages begin: `REDIS`. */
  constructor(title: string, settings: LookupSettings, open: (server: ServerAddress, timeoutMs: number) => Promise<C>) {
    this.#title = title;
    this.#settings = settings;
    this.#open = open;
  }

  /** @throws {ServerTrouble} no answer in time, and what `open` and `run` throw. */
  async use<R>(server: ServerAddress, run: (connection: C) => Promise<R>): Promise<R> {
    if (this.#isClosed) throw new ServerTrouble(`${this.#title} connection failed: lookups are being closed`);
    try {
      return await this.#pool(server).use(run);
    } catch (err) {
      if (!(err instanceof PoolTimeoutError)) throw err;
      throw new ServerTrouble(`${this.#title} connection failed: ${err.message}`, { cause: err });
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const pool of this.#pools.values()) pool.close();
    this.#pools.clear();
  }

  #pool(server: ServerAddress): ConnectionPool<C> {
    const key = `${server.label}\0${server.fields.join("/")}`;
    const known = this.#pools.get(key);
    if (known !== undefined) return known;
    const pool = new ConnectionPool<C>({
      open: (timeoutMs) => this.#open(server, timeoutMs),
      maxConnections: this.#settings.maxConnections ?? MAX_CONNECTIONS,
      timeoutMs: this.#settings.serverTimeoutMs ?? SERVER_TIMEOUT_MS,
    });
    this.#pools.set(key, pool);
    return pool;
  }
}
