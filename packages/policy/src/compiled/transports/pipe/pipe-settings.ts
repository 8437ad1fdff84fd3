import type { transportOptions } from "../../../options/transports/generic.ts";
import type { pipeTransport } from "../../../options/transports/pipe.ts";
import type { OptionSet } from "../../../reader/option-set.ts";
import type { PipeSettings } from "./pipe-transport.ts";

type Options = Pick<OptionSet<typeof transportOptions & (typeof pipeTransport)["options"]>, "get">;

/** What SMTP in a pipe or a file asks for (Exim's manual, `use_bsmtp`: it overrides `check_string` and `escape_string`). */
const BSMTP_ESCAPE = { from: ".", to: ".." };

/** The options that are not expanded. */
export function pipeSettings(options: Options): PipeSettings {
  const temporary = options.get("temp_errors").trim();
  const from = options.get("check_string");
  const isBatched = options.get("use_bsmtp");
  const logged = [
    ...(options.get("log_output") ? (["delivered", "failed", "deferred"] as const) : []),
    ...(options.get("log_fail_output") ? (["failed"] as const) : []),
    ...(options.get("log_defer_output") ? (["deferred"] as const) : []),
  ];
  const escaped = from === undefined ? undefined : { from, to: options.get("escape_string") ?? "" };
  return {
    timeoutMs: options.get("timeout"),
    defersTimeout: options.get("timeout_defer"),
    maxOutput: options.get("max_output"),
    umask: options.get("umask"),
    ignoresStatus: options.get("ignore_status"),
    temporaryCodes: temporary === "*" ? "all" : new Set((temporary.match(/\d+/g) ?? []).map(Number)),
    freezesUnstarted: options.get("freeze_exec_fail"),
    freezesSignalled: options.get("freeze_signal"),
    returnsOutput: options.get("return_output")
      ? "always"
      : options.get("return_fail_output")
        ? "when failed"
        : "never",
    logsOutput: new Set(logged),
    includesAffixes: options.get("rcpt_include_affixes"),
    lines: { usesCrlf: options.get("use_crlf"), isBatched, escaped: isBatched ? BSMTP_ESCAPE : escaped },
  };
}
