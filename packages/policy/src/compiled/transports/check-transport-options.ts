import { autoreplyTransport } from "../../options/transports/autoreply.ts";
import { lmtpTransport } from "../../options/transports/lmtp.ts";
import { pipeTransport } from "../../options/transports/pipe.ts";
import type { TransportSettings } from "../../reader/configuration.ts";
import type { ProblemList } from "../../reader/problem.ts";

/** Options that delivery obeys today. What else is set, and not at its default, is a problem rather than ignored. */
const GENERIC = [
  ...["driver", "headers_add", "headers_remove", "headers_only", "body_only", "return_path"],
  ...["delivery_date_add", "envelope_to_add", "return_path_add"],
] as const;
/** How a local transport finds out as whom and where it delivers, and what comes after it. */
const LOCAL = [
  ...["user", "group", "home_directory", "current_directory", "message_size_limit", "rcpt_include_affixes"],
  ...["shadow_transport", "shadow_condition"],
] as const;
type Checked = "smtp" | "appendfile" | "pipe" | "autoreply" | "lmtp";
const CARRIED_OUT: Readonly<Record<Checked, ReadonlySet<string>>> = {
  autoreply: new Set([...GENERIC, ...LOCAL, ...Object.keys(autoreplyTransport.options)]),
  lmtp: new Set([...GENERIC, ...LOCAL, ...Object.keys(lmtpTransport.options)]),
  pipe: new Set([...GENERIC, ...LOCAL, ...Object.keys(pipeTransport.options)]),
  smtp: new Set([
    ...GENERIC,
    ...["hosts", "hosts_override", "port", "max_parallel", "max_rcpt", "connection_max_messages"],
    ...["connect_timeout", "command_timeout", "data_timeout", "final_timeout", "hosts_require_tls", "allow_localhost"],
    ...["requiretls_bounce", "requiretls_policy", "tls_verify_certificates"],
  ]),
  appendfile: new Set([
    ...GENERIC,
    ...["directory", "maildir_format", "create_directory", "shadow_transport", "shadow_condition"],
  ]),
};

export function checkTransportOptions(
  { name, kind, options }: Extract<TransportSettings, { kind: Checked }>,
  problems: ProblemList,
): void {
  const carriedOut = CARRIED_OUT[kind];
  for (const [option, { place, value }] of options.settings) {
    const row = (
      options.table as Readonly<Record<string, { readonly status: { readonly kind: string }; readonly value: unknown }>>
    )[option];
    if (carriedOut.has(option) || row?.status.kind !== "supported" || row.value === value) continue;
    problems.error(place, `transport ${name}: ${option}: delivery does not carry out this option yet`);
  }
}
