import { readInteger as size, readTime as time } from "../../reader/option-value.ts";
import type { DriverTable } from "../driver-table.ts";
import { delivery, ignored } from "../option.ts";

/** Exit codes, or `*`. */
function checkTempErrors(text: string): string | undefined {
  return /^\*$|^[0-9:\t-\r ]*$/.test(text) ? undefined : `a list of numbers or an asterisk is expected, not "${text}"`;
}

/** Delivers to a program (Exim's manual, "The pipe transport"). */
export const pipeTransport = {
  status: { kind: "supported", reader: "delivery" },
  options: {
    allow_commands: delivery("list*"),
    batch_id: delivery("string*"),
    batch_max: delivery("integer", 1),
    check_string: delivery("string"),
    command: delivery("string*"),
    environment: delivery("list*"),
    escape_string: delivery("string"),
    force_command: delivery("boolean", false),
    freeze_exec_fail: delivery("boolean", false),
    freeze_signal: delivery("boolean", false),
    ignore_status: delivery("boolean", false),
    log_defer_output: delivery("boolean", false),
    log_fail_output: delivery("boolean", false),
    log_output: delivery("boolean", false),
    max_output: delivery("integer", size("20K")),
    message_prefix: delivery("string*", undefined, "the From line"),
    message_suffix: delivery("string*", undefined, "an empty line"),
    path: delivery("string*", "/bin:/usr/bin"),
    permit_coredump: ignored("boolean", false),
    pipe_as_creator: ignored("boolean", false),
    restrict_to_path: delivery("boolean", false),
    return_fail_output: delivery("boolean", false),
    return_output: delivery("boolean", false),
    temp_errors: delivery("list", "75:73", { check: checkTempErrors }),
    timeout: delivery("time", time("1h")),
    timeout_defer: delivery("boolean", false),
    umask: delivery("octal", 0o22),
    use_bsmtp: delivery("boolean", false),
    use_classresources: ignored("boolean", false),
    use_crlf: delivery("boolean", false),
    use_shell: delivery("boolean", false),
  },
  check({ options, error }) {
    for (const [one, other] of [
      ["restrict_to_path", "use_shell"],
      ["return_output", "return_fail_output"],
      ["log_output", "log_fail_output"],
    ] as const) {
      if (options.get(one) === true && options.get(other) === true) error(`both ${one} and ${other} are set`);
    }
  },
} satisfies DriverTable;
