import type { AnyTransport } from "../../../policy.ts";
import type { DeliveryPlace, RoutedPlace } from "../local/delivery-place.ts";
import type { Refusal } from "../local/refusal.ts";

/** Delivers to an LMTP server on this machine (Exim's manual, "The lmtp transport"; names of its options in comments). */
export interface LmtpTransport extends AnyTransport {
  readonly driver: "lmtp";
  readonly settings: LmtpSettings;
  /** All that has to be expanded. */
  server(request: RoutedPlace): Promise<LmtpServer | Refusal>;
}

export interface LmtpSettings {
  /** For each reply and each write. */
  readonly timeoutMs: number;
  /** `ignore_quota` */
  readonly ignoresQuota: boolean;
  /** `rcpt_include_affixes` */
  readonly includesAffixes: boolean;
}

/** Where it is. */
export interface LmtpServer {
  readonly kind: "server";
  /** `socket`: a path; or `command`: a program that speaks LMTP. Octets. */
  readonly at: { readonly socket: string } | { readonly words: readonly [string, ...string[]] };
  readonly place: DeliveryPlace;
}
