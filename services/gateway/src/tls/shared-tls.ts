import type { ProofSource } from "@postbus/tls";
import type { TicketKeys } from "./ticket-keys.ts";

/** Bucket of the key-value store that gateways share for TLS. */
export const tlsBucket = "tls";

/** What gateways have in common, whatever policy is in force. */
export interface SharedTls {
  /** What sessions are resumed by. */
  readonly ticketKeys: TicketKeys;
  /** Who fetches proofs for certificates (`tls_ocsp_fetch`). */
  readonly proofSource: ProofSource;
}
