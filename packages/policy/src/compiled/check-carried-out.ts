import type { OptionTable } from "../options/option.ts";
import type { Configuration } from "../reader/configuration.ts";
import type { OptionSet } from "../reader/option-set.ts";
import type { ProblemList } from "../reader/problem.ts";

/** Options of the main section about sessions and deliveries that are obeyed. */
const MAIN: ReadonlySet<string> = new Set([
  ...["daemon_smtp_ports", "local_interfaces", "message_size_limit", "recipients_max", "received_headers_max"],
  ...[
    "allow_domain_literals",
    "callout_random_local_part",
    "callout_positive_expire",
    "callout_negative_expire",
    "callout_domain_positive_expire",
    "callout_domain_negative_expire",
    "smtp_ratelimit_rcpt",
    "smtp_ratelimit_mail",
    "smtp_ratelimit_hosts",
    "smtp_connect_backlog",
    "smtp_accept_keepalive",
    "helo_lookup_domains",
    "accept_8bitmime",
    "auth_advertise_hosts",
    "chunking_advertise_hosts",
    "dkim_verify_hashes",
    "dkim_verify_keytypes",
    "dkim_verify_min_keysizes",
    "dkim_verify_minimal",
    "dkim_verify_signers",
    "dmarc_forensic_sender",
    "dmarc_mode",
    "dmarc_tld_file",
    "dsn_advertise_hosts",
    "host_lookup",
    "host_lookup_order",
    "hosts_connection_nolog",
    "hosts_require_alpn",
    "hosts_require_helo",
    "header_line_maxsize",
    "message_id_header_domain",
    "message_id_header_text",
    "received_header_text",
    "return_path_remove",
    "envelope_to_remove",
    "delivery_date_remove",
    "smtp_return_error_details",
    "strict_acl_vars",
    "strip_excess_angle_brackets",
    "strip_trailing_dot",
    "tls_advertise_requiretls",
    "tls_remember_esmtp",
    "host_reject_connection",
    "helo_accept_junk_hosts",
    "helo_allow_chars",
    "helo_try_verify_hosts",
    "helo_verify_hosts",
    "recipients_max_reject",
    "smtp_active_hostname",
    "smtp_banner",
    "pipelining_advertise_hosts",
    "pipelining_connect_advertise_hosts",
    "prdr_enable",
    "hosts_proxy",
    "hosts_xclient",
    "proxy_protocol_timeout",
    "recipient_unqualified_hosts",
    "limits_advertise_hosts",
    "sender_unqualified_hosts",
    "smtp_accept_max_per_connection",
    "smtputf8_advertise_hosts",
    "smtp_accept_max_nonmail",
    "smtp_accept_max_nonmail_hosts",
    "header_maxsize",
    "smtp_accept_max",
    "smtp_accept_reserve",
    "smtp_load_reserve",
    "smtp_reserve_hosts",
    "smtp_accept_max_per_host",
    "smtp_enforce_sync",
    "smtp_max_synprot_errors",
  ],
  ...["spf_guess", "spf_smtp_comment_template"],
  ...["smtp_max_unknown_commands", "smtp_receive_timeout", "message_body_visible", "tls_certificate", "tls_privatekey"],
  ...["tls_advertise_hosts", "tls_require_ciphers", "tls_eccurve", "tls_alpn", "openssl_options"],
  ...[
    "tls_on_connect_ports",
    "tls_ocsp_fetch",
    "tls_ocsp_file",
    "tls_resumption_hosts",
    "tls_verify_certificates",
    "tls_verify_hosts",
    "tls_try_verify_hosts",
    "tls_crl",
  ],
  ...[
    "auto_thaw",
    "freeze_tell",
    "queue_only",
    "queue_only_file",
    "queue_only_load",
    "ignore_bounce_errors_after",
    "timeout_frozen_after",
    "retry_data_expire",
    "retry_interval_max",
    "retry_jitter",
  ],
  ...[
    "bounce_charset",
    "bounce_message_file",
    "bounce_message_text",
    "bounce_return_body",
    "bounce_return_linesize_limit",
  ],
  ...[
    "bounce_return_message",
    "bounce_return_size_limit",
    "delay_warning",
    "delay_warning_condition",
    "dsn_from",
    "dsn_info",
  ],
  ...["errors_copy", "errors_reply_to", "warn_message_file"],
  ...["connect", "helo", "mail", "rcpt", "predata", "dkim", "mime", "data", "vrfy", "expn", "etrn"].map(
    (stage) => `acl_smtp_${stage}`,
  ),
  ...["auth", "data_prdr", "mailauth", "starttls", "quit", "notquit"].map((stage) => `acl_smtp_${stage}`),
]);

/**
 * What is correct, and yet nobody does it: mail that would be handled in another way than the file says is an error.
 * Options of the main section are told in one notice.
 */
export function checkCarriedOut(configuration: Configuration, problems: ProblemList): void {
  const { main } = configuration;
  const idle = idleOptions(main);
  if (idle.length > 0) {
    const text = `these options are correct, but not carried out yet: ${idle.join(", ")}`;
    problems.notice({ file: main.setting(idle[0] as never)?.place.file ?? "", line: 0 }, text);
  }
}

function idleOptions<T extends OptionTable>({ settings, table }: OptionSet<T>): readonly string[] {
  return [...settings].flatMap(([name, { value }]) => {
    const row = table[name];
    if (row?.status.kind !== "supported" || MAIN.has(name) || row.value === value) return [];
    return row.status.reader === "gateway" || row.status.reader === "delivery" ? [name] : [];
  });
}
