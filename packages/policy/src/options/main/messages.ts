import { everywhere, gateway, ignored, type OptionTable } from "../option.ts";

/** Exim's, octet for octet: people match on it. */
const RECEIVED =
  "Received: ${if def:sender_rcvhost {from $sender_rcvhost\n\t}" +
  "{${if def:sender_ident {from ${quote_local_part:$sender_ident} }}" +
  "${if def:sender_helo_name {(helo=$sender_helo_name)\n\t}}}}" +
  "by $primary_hostname ${if def:received_protocol {with $received_protocol }}" +
  "${if def:tls_in_ver        { ($tls_in_ver)}}${if def:tls_in_cipher_std { tls $tls_in_cipher_std\n\t}}" +
  "(Exim $version_number)\n\t${if def:sender_address {(envelope-from <$sender_address>)\n\t}}" +
  "id $message_exim_id${if def:received_for {\n\tfor $received_for}}";

/** Names, headers and what is visible of a message. */
export const messageOptions = {
  check_rfc2047_length: everywhere("boolean", true),
  delivery_date_remove: gateway("boolean", true),
  drop_cr: ignored("boolean", false),
  envelope_to_remove: gateway("boolean", true),
  exim_version: everywhere("string", undefined, "current version"),
  extract_addresses_remove_arguments: ignored("boolean", true),
  gecos_name: ignored("string*"),
  gecos_pattern: ignored("string"),
  headers_charset: everywhere("string", "UTF-8"),
  ignore_fromline_hosts: ignored("host list*"),
  ignore_fromline_local: ignored("boolean", false),
  local_from_check: ignored("boolean", true),
  local_from_prefix: ignored("string"),
  local_from_suffix: ignored("string"),
  local_sender_retain: ignored("boolean", false),
  message_body_newlines: everywhere("boolean", false),
  message_body_visible: everywhere("integer", 500),
  message_id_header_domain: gateway("string*"),
  message_id_header_text: gateway("string*"),
  primary_hostname: everywhere("string", undefined, "the machine's name"),
  print_topbitchars: everywhere("boolean", false),
  qualify_domain: everywhere("string", undefined, "primary_hostname"),
  qualify_recipient: everywhere("string", undefined, "qualify_domain"),
  received_header_text: gateway("string*", RECEIVED),
  return_path_remove: gateway("boolean", true),
  timezone: everywhere("string"),
  unknown_login: ignored("string*"),
  unknown_username: ignored("string"),
  untrusted_set_sender: ignored("address list*"),
  uucp_from_pattern: ignored("string"),
  uucp_from_sender: ignored("string*", "$1"),
} satisfies OptionTable;
