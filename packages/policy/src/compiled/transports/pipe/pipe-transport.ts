import type { AnyTransport } from "../../../policy.ts";
import type { DeliveryPlace, RoutedPlace } from "../local/delivery-place.ts";
import type { LineForm } from "../local/line-form.ts";
import type { Refusal } from "../local/refusal.ts";

/** Delivers to a program (Exim's manual, "The pipe transport"; names of its options in comments). */
export interface PipeTransport extends AnyTransport {
  readonly driver: "pipe";
  /** What is the same for every message. */
  readonly settings: PipeSettings;
  /** All that has to be expanded, for some addresses that one run of the program is for. */
  order(request: PipeRequest): Promise<PipeOrder | Refusal>;
}

export interface PipeSettings {
  readonly timeoutMs: number;
  /** `timeout_defer` */
  readonly defersTimeout: boolean;
  /** `max_output`, octets. */
  readonly maxOutput: number;
  readonly umask: number;
  /** `ignore_status` */
  readonly ignoresStatus: boolean;
  /** `temp_errors`: exit codes that mean "try again". */
  readonly temporaryCodes: ReadonlySet<number> | "all";
  /** `freeze_exec_fail`, `freeze_signal` */
  readonly freezesUnstarted: boolean;
  readonly freezesSignalled: boolean;
  /** `return_output`, `return_fail_output`: when what it has written goes to the sender. */
  readonly returnsOutput: "never" | "always" | "when failed";
  /** `log_output`, `log_fail_output`, `log_defer_output`: after which outcomes its first line is logged. */
  readonly logsOutput: ReadonlySet<"delivered" | "failed" | "deferred">;
  readonly lines: LineForm;
  /** `rcpt_include_affixes` */
  readonly includesAffixes: boolean;
}

export interface PipeRequest extends RoutedPlace {
  /** The addresses of `$pipe_addresses`. */
  readonly addresses: readonly string[];
  /** A command that a redirect list names, without its `|`; undefined: the transport has its own. */
  readonly pipe: string | undefined;
  /** `$host` */
  readonly host: string | undefined;
}

/** A program that is to be run. */
export interface PipeOrder {
  readonly kind: "order";
  /** At least one; octets. */
  readonly words: readonly [string, ...string[]];
  /** As it stands in the configuration, for texts. */
  readonly command: string;
  /** `path`: directories in which a name without a slash is looked for. */
  readonly searchPath: readonly string[];
  readonly environment: ReadonlyMap<string, string>;
  /** `message_prefix` and `message_suffix`. */
  readonly prefix: string;
  readonly suffix: string;
  readonly place: DeliveryPlace;
}
