import type { Spool } from "@postbus/spool";
import type { AddressCache } from "./address-cache.ts";
import type { ConnectionPool } from "./connection-pool.ts";

/** What deliveries to other hosts share. */
export interface SmtpDeps {
  readonly pool: ConnectionPool;
  readonly addresses: AddressCache;
  readonly spool: Pick<Spool, "read">;
  /** Milliseconds since the epoch; absent: the clock. */
  readonly now?: () => number;
}
