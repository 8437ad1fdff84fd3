import type { TransportSettings } from "../../reader/configuration.ts";
import type { ProblemList } from "../../reader/problem.ts";

/** Options that delivery obeys today. What else is set, and not at its default, is a problem rather than ignored. */
const CARRIED_OUT: Readonly<Record<"smtp" | "appendfile", ReadonlySet<string>>> = {
  smtp: new Set([
    ...["driver", "hosts", "hosts_override", "port", "max_parallel", "max_rcpt", "connection_max_messages"],
    ...["connect_timeout", "command_timeout", "data_timeout", "final_timeout", "hosts_require_tls", "allow_localhost"],
    ...["requiretls_bounce", "requiretls_policy", "tls_verify_certificates"],
  ]),
  appendfile: new Set([
    ...["driver", "directory", "maildir_format", "create_directory"],
    ...["delivery_date_add", "envelope_to_add", "return_path_add"],
  ]),
};

export function checkTransportOptions(
  { name, kind, options }: Extract<TransportSettings, { kind: "smtp" | "appendfile" }>,
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
