/** What a variable is when nothing has given it a value: empty, `0`, `no`, or `-1` for a port or a part that is not known. */
export type VariableKind = "string" | "count" | "boolean" | "port" | "certificate";

export interface VariableInfo {
  readonly kind: VariableKind;
  /** Comes from a peer or out of a message: always tainted. */
  readonly isTainted: boolean;
}

/** Set by the operator's configuration, by this host, or checked: trusted. */
const STRINGS = `
  acl_verify_message address_data bmi_alt_location bmi_base64_tracker_verdict bmi_base64_verdict
  bmi_deliver callout_address compile_date compile_number config_dir config_file connection_id csa_status dcc_header
  dcc_result dmarc_domain_policy dmarc_status dmarc_status_text dkim_verify_status   dkim_domain dkim_selector dnslist_domain dnslist_text dnslist_value domain_data event_name exim_path exim_version   headers_added home host_data initial_cwd interface_address dmarc_alignment_spf dmarc_alignment_dkim
  local_part_data mime_decoded_filename lookup_dnssec_authenticated mailstore_basename
  malware_name message_exim_id message_id primary_hostname proxy_external_address proxy_host_address
  proxy_local_address proxy_result proxy_target_address qualify_domain qualify_recipient queue_name queue_size received_ip_address
  received_protocol recipient_data recipient_verify_failure requiretls router_name self_hostname sender_address_data
  sender_data sender_host_address sender_host_authenticated sender_rate sender_rate_limit sender_rate_period
  sender_verify_failure sending_ip_address smtp_active_hostname smtp_command_history smtp_notquit_reason spam_action spam_bar spam_score
  spam_score_int spf_guess spf_received spf_result spf_smtp_comment spool_directory srs_recipient srs_status
  regex_match_string tls_in_cipher tls_in_cipher_std tls_in_ver tls_cipher tls_out_cipher tls_out_cipher_std
  tls_out_ver tls_required tod_bsdinbox tod_epoch tod_epoch_l tod_full tod_log tod_logfile tod_zone tod_zulu transport_name
  verify_mode version_number warn_message_delay address_pipe address_file prvscheck_keynum prvscheck_result
  arc_state arc_state_reason dcc_rcpt_results dkim_verify_reason tpda_delivery_domain tpda_delivery_local_part local_part_prefix local_part_suffix tpda_event tpda_delivery_ip tpda_delivery_port
  tpda_delivery_fqdn tpda_defer_errno tpda_defer_errstr tpda_delivery_confirmation
`;

/** Chosen by a peer, or out of a message or the DNS. */
const TAINTED_STRINGS = `
  arc_domains auth1 auth2 auth3 authenticated_fail_id authenticated_id authenticated_sender bounce_recipient
  dkim_algo dkim_canon_body dkim_canon_headers dkim_copiedheaders dkim_cur_signer dkim_headernames dkim_identity
  dkim_key_granularity dkim_key_notes dkim_key_srvtype dkim_signers dmarc_ar_header dmarc_used_domain dnslist_matched
  domain event_data host host_address ldap_dn local_part local_part_prefix_v local_part_suffix_v local_scan_data
  message_body message_body_end message_headers message_headers_raw mime_anomaly_text mime_boundary mime_charset
  mime_content_description mime_content_disposition mime_content_id mime_content_transfer_encoding mime_content_type
  mime_filename original_domain original_local_part parent_domain parent_local_part
  proxy_sni proxy_tls_cipher proxy_tls_common_name proxy_tls_version proxy_unique_id prvscheck_address received_for recipients recipients_list reply_address return_path sender_address
  sender_address_domain sender_address_local_part sender_fullhost sender_helo_name sender_host_name sender_ident
  sender_rcvhost smtp_command smtp_command_argument spam_report spf_header_comment spf_used_domain
  srs_db_address srs_db_key srs_orig_recipient srs_orig_sender
  thisaddress tls_in_peerdn tls_in_sni tls_out_peerdn tls_out_sni tls_peerdn tls_sni tpda_data warn_message_recipients
`;

const COUNTS = `
  arc_oldest_pass authentication_failed body_linecount body_zerocount bounce_return_size_limit caller_gid caller_uid dkim_bodylength dkim_created
  dkim_expires dkim_key_length event_defer_errno exim_gid exim_uid host_port inode load_average local_user_gid
  local_user_uid localhost_number log_inodes log_space max_received_linelength message_age message_body_size
  message_linecount message_size mime_anomaly_level mime_content_size originator_gid originator_uid pid
  proxy_external_port proxy_host_port proxy_local_port proxy_target_port rcpt_count rcpt_defer_count rcpt_fail_count
  received_count received_time recipients_count return_size_limit sender_host_port smtp_count_at_connection_start
  spool_inodes spool_space tls_bits tls_in_bits tls_in_ocsp tls_in_resumption tls_out_bits tls_out_ocsp
  tls_out_resumption tls_out_tlsa_usage host_lookup_deferred host_lookup_failed av_failed
  dkim_key_nosubdomains dkim_key_testing mime_is_coverletter mime_is_multipart mime_is_rfc822 tls_certificate_verified
  tls_in_certificate_verified tls_out_certificate_verified
`;

const BOOLEANS = `
  message_smtputf8 prdr_requested proxy_session proxy_tls_verified sender_helo_dnssec sender_helo_verified sender_host_dnssec spf_result_guessed tls_out_dane
`;

const PORTS = "mime_part_count interface_port received_port sending_port";

const CERTIFICATES = "tls_in_ourcert tls_in_peercert tls_out_ourcert tls_out_peercert";

const names = (text: string): string[] => text.split(/\s+/).filter((name) => name !== "");

function* rows(): Generator<[string, VariableInfo]> {
  const all: [string, VariableKind, boolean][] = [
    [STRINGS, "string", false],
    [TAINTED_STRINGS, "string", true],
    [COUNTS, "count", false],
    [BOOLEANS, "boolean", false],
    [PORTS, "port", false],
    [CERTIFICATES, "certificate", true],
  ];
  for (const [text, kind, isTainted] of all) for (const name of names(text)) yield [name, { kind, isTainted }];
  for (let i = 1; i < 10; i++) yield [`regex${i}`, { kind: "string", isTainted: true }];
}

/** Every variable that is not local to a construct, but for the families with names of the operator's choice. */
export const variables: ReadonlyMap<string, VariableInfo> = new Map(rows());

const OWN: VariableInfo = { kind: "string", isTainted: false };

/**
 * What is known about a name at load; undefined: there is no such variable. `acl_c…`, `acl_m…` and `r_…` hold what they
 * were set to, with its own taint.
 */
export function variableInfo(name: string): VariableInfo | undefined {
  if (/^acl_[cm](?:[0-9_]|$)|^r_/.test(name)) return OWN;
  return variables.get(name);
}
