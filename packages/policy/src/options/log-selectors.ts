/** Logged unless the file says otherwise (Exim's manual, "Reducing or increasing what is logged"). */
const BY_DEFAULT = words(`
acl_warn_skipped connection_reject delay_delivery dkim dnslist_defer etrn host_lookup_failed lost_incoming_connection
msg_id outgoing_interface queue_run queue_time_exclusive rejected_header retry_defer sender_verify_fail size_reject
skip_delivery smtp_confirmation tls_certificate_verified tls_cipher
`);

/** What can be named in `log_selector`. */
export const logSelectors: ReadonlySet<string> = new Set([
  ...BY_DEFAULT,
  ...words(`
8bitmime address_rewrite all all_parents arguments connection_id deliver_time delivery_size dkim_verbose dmarc
dmarc_verbose dnssec dsn ident_timeout incoming_interface incoming_port millisec msg_id_created outgoing_port pid
pipelining protocol_detail proxy queue_time queue_time_overall receive_time received_recipients received_sender
rejected_headers return_path_on_delivery sender_on_delivery smtp_connection smtp_incomplete_transaction smtp_mailauth
smtp_no_mail smtp_protocol_error smtp_syntax_error spf spf_verbose subject tls_on_connect tls_peerdn tls_resumption
tls_sni unknown_in_list
`),
]);

/** `+name` and `-name`, with or without blanks between. @returns what is wrong with it. */
export function checkLogSelector(text: string): string | undefined {
  const bad = itemsOf(text).find((item) => !(/^[+-]/.test(item) && logSelectors.has(item.slice(1))));
  return bad === undefined ? undefined : `unknown log_selector setting: ${bad.slice(0, 60)}`;
}

/** What is logged: each item changes what those before it have left. @param text Good, as `checkLogSelector` says. */
export function selected(text: string): ReadonlySet<string> {
  const chosen = new Set(BY_DEFAULT);
  for (const item of itemsOf(text)) {
    const name = item.slice(1);
    const named = name === "all" ? logSelectors : [SYNONYMS.get(name) ?? name];
    for (const one of named) {
      if (item.startsWith("+")) chosen.add(one);
      else chosen.delete(one);
    }
  }
  chosen.delete("all");
  return chosen;
}

const SYNONYMS: ReadonlyMap<string, string> = new Map([["rejected_headers", "rejected_header"]]);

const itemsOf = (text: string): string[] => text.split(/(?=[+-])|[\t-\r ]+/).filter((item) => item !== "");

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}
