import { appendfileTransport } from "../../options/transports/appendfile.ts";
import { autoreplyTransport } from "../../options/transports/autoreply.ts";
import { transportOptions } from "../../options/transports/generic.ts";
import { lmtpTransport } from "../../options/transports/lmtp.ts";
import { pipeTransport } from "../../options/transports/pipe.ts";
import type { TransportSettings } from "../../reader/configuration.ts";
import type { ProblemList } from "../../reader/problem.ts";

/** Options of an smtp transport that wait for what they belong to: DANE and proofs of OCSP. */
const SMTP_LATER =
  /^(?:dane_|hosts_re(?:quest|quire)_(?:ocsp|dane)$|hosts_try_dane$|host_name_extract$|dnssec_re(?:quest|quire)_domains$)/;

/** What is carried out of the options that every transport may have. */
const GENERIC: ReadonlySet<string> = new Set([
  ...["disable_logging", "event_action", "tpda_delivery_action", "tpda_host_defer_action"],
  ...["driver", "retry_use_local_part", "headers_add", "headers_remove", "headers_rewrite", "headers_only"],
  ...["body_only", "return_path"],
  ...["delivery_date_add", "envelope_to_add", "return_path_add"],
]);

/** How a local transport finds out as whom and where it delivers, and what comes after it. */
const LOCAL: ReadonlySet<string> = new Set([
  ...["user", "group", "home_directory", "current_directory", "message_size_limit", "rcpt_include_affixes"],
  ...["shadow_transport", "shadow_condition"],
]);
/** Options that delivery obeys today. What else is set, and not at its default, is a problem rather than ignored. */
const OWN: Readonly<Record<Exclude<Checked, "smtp">, ReadonlySet<string>>> = {
  autoreply: new Set(Object.keys(autoreplyTransport.options)).union(LOCAL),
  lmtp: new Set(Object.keys(lmtpTransport.options)).union(LOCAL),
  pipe: new Set(Object.keys(pipeTransport.options)).union(LOCAL),
  appendfile: new Set([
    ...Object.keys(appendfileTransport.options),
    ...["user", "group", "home_directory", "current_directory", "shadow_transport", "shadow_condition"],
  ]),
};
type Checked = "smtp" | "appendfile" | "pipe" | "autoreply" | "lmtp";

/** `transport_filter`: a reply that we write ourselves goes through none. */
const isOfFilter = (kind: Checked, option: string): boolean =>
  kind !== "autoreply" && (option === "transport_filter" || option === "transport_filter_timeout");

const isCarriedOut = (kind: Checked, option: string): boolean => {
  if (GENERIC.has(option) || isOfFilter(kind, option)) return true;
  if (kind !== "smtp") return OWN[kind].has(option);
  return option === "max_parallel" || (!Object.hasOwn(transportOptions, option) && !SMTP_LATER.test(option));
};

export function checkTransportOptions(
  { name, kind, options }: Extract<TransportSettings, { kind: Checked }>,
  problems: ProblemList,
): void {
  for (const [option, { place, value }] of options.settings) {
    const row = (
      options.table as Readonly<Record<string, { readonly status: { readonly kind: string }; readonly value: unknown }>>
    )[option];
    if (isCarriedOut(kind, option) || row?.status.kind !== "supported" || row.value === value) continue;
    problems.error(place, `transport ${name}: ${option}: delivery does not carry out this option yet`);
  }
}
