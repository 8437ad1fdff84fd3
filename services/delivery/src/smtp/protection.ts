import type { DeliveryItem } from "@postbus/contracts";
import type { SmtpTransport } from "@postbus/policy";

/**
 * What a connection has to be for the messages that go over it. Connections of one kind are not used for another.
 *
 * - `usual`: as the transport says.
 * - `verified`: TLS with a host that is known to be the right one, and that offers REQUIRETLS (RFC 8689 §4.2.1).
 * - `offered`: TLS with a host that offers REQUIRETLS, whoever it is.
 * - `encrypted`: TLS.
 */
export type Protection = "usual" | "verified" | "offered" | "encrypted";

/** How a message may be offered to its hosts. */
export interface Offer {
  readonly protection: Protection;
  /** MAIL says REQUIRETLS. */
  readonly isRequired: boolean;
  /** Without what it quotes of another message. */
  readonly isRedacted: boolean;
}

const USUAL: Offer = { protection: "usual", isRequired: false, isRedacted: false };
/** RFC 8689 §5: a report is not to be lost because the host on its way does not offer REQUIRETLS. */
const REDACTED: Offer = { protection: "encrypted", isRequired: false, isRedacted: true };

/** The ways in which a message may go, the best first: the next one is for when all hosts lack what the one before wants. */
export function offersOf(
  { requireTls, returnPath }: Pick<DeliveryItem, "requireTls" | "returnPath">,
  { verifiesRequireTls, redactsBounces }: Pick<SmtpTransport, "verifiesRequireTls" | "redactsBounces">,
): readonly [Offer, ...Offer[]] {
  if (requireTls !== true) return [USUAL];
  const protection = verifiesRequireTls ? "verified" : "offered";
  const required: Offer = { protection, isRequired: true, isRedacted: false };
  return returnPath === "" && redactsBounces ? [required, REDACTED] : [required];
}
