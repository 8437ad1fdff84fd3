import type { Resolver } from "@postbus/dns";

/** What the lookups of a process need from its configuration; lists in Exim's form, already expanded. */
export interface LookupSettings {
  /** `redis_servers`, `pgsql_servers`, `mysql_servers`: Exim's server lists. */
  readonly redisServers?: string;
  readonly pgsqlServers?: string;
  readonly mysqlServers?: string;
  /** `sqlite_dbfile`: the database of queries that name none. */
  readonly sqliteFile?: string;
  /** `sqlite_lock_timeout`: how long a query waits for another process's lock. */
  readonly sqliteLockTimeoutMs?: number;
  /** `lookup_open_max`: files open at one time. */
  readonly maxOpenFiles?: number;
  /** For one query to one server, connecting included. */
  readonly serverTimeoutMs?: number;
  /** Connections to one server at one time. */
  readonly maxConnections?: number;
  /** For dnsdb. */
  readonly resolver?: Resolver;
  /** For spf: the result of RFC 7208, for an address and the IP address of a client. */
  readonly checkSpf?: (address: string, clientAddress: string, signal?: AbortSignal) => Promise<string>;
  /** Milliseconds, monotonic. */
  readonly now?: () => number;
}
