import { trim, trimStart } from "@postbus/mail";
import { ExpansionFailure } from "../../expansion/failures.ts";
import { textOf } from "../../expansion/value.ts";
import type { LogTarget } from "../hooks.ts";
import { expandedTest } from "../test.ts";

const TARGETS: ReadonlySet<string> = new Set<LogTarget>(["main", "reject", "panic"]);

/** `logwrite = :main,reject: text`: now, whatever becomes of the statement. */
export const logwrite = expandedTest((value, { session }) => {
  const text = textOf(value);
  const [prefix, names] = /^[\t-\r ]*:([^:]*):/.exec(text) ?? [];
  const targets = prefix === undefined ? DEFAULT : targetsOf(names ?? "", /,/, `logwrite`);
  const written = prefix === undefined ? text : text.slice(prefix.length);
  session.log(targets.length === 0 ? DEFAULT : targets, trimStart(written));
  return "yes";
});

const DEFAULT: readonly LogTarget[] = ["main"];

/** `log_reject_target = main:reject`: where refusals of this command are logged. */
export const logRejectTarget = expandedTest((value, { session }) => {
  session.rejectTargets = targetsOf(textOf(value), /:/, "log_reject_target");
  return "yes";
});

/** @throws {ExpansionFailure} there is no such log. */
function targetsOf(list: string, separator: RegExp, modifier: string): LogTarget[] {
  return list
    .split(separator)
    .map((name) => trim(name))
    .filter((name) => name !== "")
    .map((name) => {
      if (!TARGETS.has(name)) throw new ExpansionFailure(`unknown log name "${name}" in "${modifier}" modifier`);
      return name as LogTarget;
    });
}
