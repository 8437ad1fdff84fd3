import type { Spool } from "@postbus/spool";
import type { SigningKeys } from "../message/signing/signing-keys.ts";
import type { AddressCache } from "./address-cache.ts";
import type { ConnectionPool } from "./connection-pool.ts";
import type { HostRetriesDeps } from "./host-retries.ts";

/** What deliveries to other hosts share. */
export interface SmtpDeps {
  readonly pool: ConnectionPool;
  readonly addresses: AddressCache;
  readonly spool: Pick<Spool, "read">;
  /** Absent: nothing is signed. */
  readonly signingKeys?: SigningKeys;
  /** What is remembered of hosts that have failed; absent: nothing. */
  readonly retries?: HostRetriesDeps;
  /** Milliseconds since the epoch; absent: the clock. */
  readonly now?: () => number;
}
