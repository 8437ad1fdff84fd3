import { readInteger as size, readTime as time } from "../../reader/option-value.ts";
import { alias, delivery, type OptionTable } from "../option.ts";

/** No warnings for what came from a list or a machine. */
const DELAY_WARNING_CONDITION =
  "${if or {{ !eq{$h_list-id:$h_list-post:$h_list-subscribe:}{} }" +
  "{ match{$h_precedence:}{(?i)bulk|list|junk} }" +
  "{ match{$h_auto-submitted:}{(?i)auto-generated|auto-replied} }} {no}{yes}}";

function checkAddress(text: string): string | undefined {
  return text.includes("@") ? undefined : `an address is expected, not "${text}"`;
}

/** Bounces, warnings and other messages that we write ourselves (Exim's manual, "Customizing messages"). */
export const bounceOptions = {
  bounce_charset: delivery("string*", "us-ascii"),
  bounce_message_file: delivery("file*"),
  bounce_message_text: delivery("string"),
  bounce_return_body: delivery("boolean", true),
  bounce_return_linesize_limit: delivery("integer", 998),
  bounce_return_message: delivery("boolean", true),
  bounce_return_size_limit: delivery("integer", size("100K")),
  bounce_sender_authentication: delivery("string"),
  delay_warning: delivery("time list", [time("24h")]),
  delay_warning_condition: delivery("string*", DELAY_WARNING_CONDITION),
  dsn_from: delivery("string*", "Mail Delivery System <Mailer-Daemon@$qualify_domain>"),
  dsn_info: delivery("boolean", true, "an option of building in Exim"),
  errors_copy: delivery("list*"),
  errors_reply_to: delivery("string", undefined, { check: checkAddress }),
  freeze_tell: delivery("list"),
  return_size_limit: alias("integer", ["bounce_return_size_limit"]),
  warn_message_file: delivery("file*"),
} satisfies OptionTable;
