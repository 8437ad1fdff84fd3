import { readTime as time } from "../../reader/option-value.ts";
import type { DriverTable } from "../driver-table.ts";
import { delivery } from "../option.ts";

/** Answers with a message of its own (Exim's manual, "The autoreply transport"). */
export const autoreplyTransport = {
  status: { kind: "supported", reader: "delivery" },
  options: {
    bcc: delivery("string*"),
    cc: delivery("string*"),
    file: delivery("string*"),
    file_expand: delivery("boolean", false),
    file_optional: delivery("boolean", false),
    from: delivery("string*"),
    headers: delivery("string*"),
    log: delivery("string*"),
    mode: delivery("octal", 0o600),
    never_mail: delivery("address list*"),
    once: delivery("string*"),
    once_file_size: delivery("integer", 0),
    once_repeat: delivery("time*", time("0s")),
    reply_to: delivery("string*"),
    return_message: delivery("boolean", false),
    subject: delivery("string*"),
    text: delivery("string*"),
    to: delivery("string*"),
  },
} satisfies DriverTable;
