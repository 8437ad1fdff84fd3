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
  /** Where what a filter has made of a message is until it has been signed and sent. Absent: nothing large is. */
  readonly scratch?: Pick<Spool, "create" | "remove">;
  /** Absent: nothing is signed. */
  readonly signingKeys?: SigningKeys;
  /** What is remembered of hosts that have failed; absent: nothing. */
  readonly retries?: HostRetriesDeps;
  /** Milliseconds since the epoch; absent: the clock. */
  readonly now?: () => number;
}
