/** What can be named in `log_selector` (Exim's manual, "Reducing or increasing what is logged"). */
export const logSelectors: ReadonlySet<string> = new Set(
  `
8bitmime acl_warn_skipped address_rewrite all all_parents arguments connection_id connection_reject delay_delivery
deliver_time delivery_size dkim dkim_verbose dmarc dmarc_verbose dnslist_defer dnssec dsn etrn host_lookup_failed
ident_timeout incoming_interface incoming_port lost_incoming_connection millisec msg_id msg_id_created
outgoing_interface outgoing_port pid pipelining protocol_detail proxy queue_run queue_time queue_time_exclusive
queue_time_overall receive_time received_recipients received_sender rejected_header rejected_headers retry_defer
return_path_on_delivery sender_on_delivery sender_verify_fail size_reject skip_delivery smtp_confirmation
smtp_connection smtp_incomplete_transaction smtp_mailauth smtp_no_mail smtp_protocol_error smtp_syntax_error spf
spf_verbose subject tls_certificate_verified tls_cipher tls_on_connect tls_peerdn tls_resumption tls_sni
unknown_in_list
`
    .trim()
    .split(/\s+/),
);

/** `+name` and `-name`, with or without blanks between. @returns what is wrong with it. */
export function checkLogSelector(text: string): string | undefined {
  const bad = itemsOf(text).find((item) => !(/^[+-]/.test(item) && logSelectors.has(item.slice(1))));
  return bad === undefined ? undefined : `unknown log_selector setting: ${bad.slice(0, 60)}`;
}

/** Whether something that is not logged by default is, as the last item about it says. */
export function isLogged(selector: string, text: string): boolean {
  const last = itemsOf(text).findLast((item) => item.slice(1) === selector || item.slice(1) === "all");
  return last?.startsWith("+") === true;
}

const itemsOf = (text: string): string[] => text.split(/(?=[+-])|[\t-\r ]+/).filter((item) => item !== "");
