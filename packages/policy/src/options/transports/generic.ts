import { readTime as time } from "../../reader/option-value.ts";
import { parseHeadersRewrite } from "../../reader/rewrite-rule.ts";
import { ValueError } from "../../reader/value-error.ts";
import type { DriverRules } from "../driver-table.ts";
import { alias, delivery, ignored, type OptionTable } from "../option.ts";

function checkHeadersRewrite(text: string): string | undefined {
  try {
    parseHeadersRewrite(text, { file: "", line: 0 });
    return undefined;
  } catch (err) {
    if (!(err instanceof ValueError)) throw err;
    return err.message;
  }
}

/** Rules of every transport on more than one option. */
export function checkTransport({ options, error }: DriverRules, kind: string): void {
  if (options.get("body_only") === true && options.get("headers_only") === true) {
    error("body_only and headers_only are mutually exclusive");
  }
  if (kind === "smtp" && options.get("shadow_transport") !== undefined) {
    error("a shadow transport is for local transports only");
  }
}

/** What every transport may have (Exim's manual, "Generic options for transports"). */
export const transportOptions = {
  body_only: delivery("boolean", false),
  current_directory: delivery("string*"),
  debug_print: ignored("string*"),
  delivery_date_add: delivery("boolean", false),
  disable_logging: delivery("boolean", false),
  driver: delivery("string"),
  envelope_to_add: delivery("boolean", false),
  event_action: delivery("string*"),
  group: delivery("group*", undefined, "the router's, or our own"),
  headers_add: delivery("lines*"),
  headers_only: delivery("boolean", false),
  headers_remove: delivery("lines*"),
  headers_rewrite: delivery("string", undefined, { check: checkHeadersRewrite }),
  home_directory: delivery("string*"),
  initgroups: ignored("boolean", false),
  max_parallel: delivery("integer*"),
  message_size_limit: delivery("integer*", 0),
  rcpt_include_affixes: delivery("boolean", false),
  retry_use_local_part: delivery("boolean", undefined, "true for local transports"),
  return_path: delivery("string*"),
  return_path_add: delivery("boolean", false),
  shadow_condition: delivery("string*"),
  shadow_transport: delivery("transport"),
  tpda_delivery_action: delivery("string*"),
  tpda_event_action: alias("string*", ["event_action"], "as in the first descriptions of events"),
  tpda_host_defer_action: delivery("string*"),
  transport_filter: delivery("string*"),
  transport_filter_timeout: delivery("time", time("5m")),
  user: delivery("user*", undefined, "the router's, or our own"),
} satisfies OptionTable;
