import { trim, trimStart } from "@postbus/mail";
import { textOf } from "../../expansion/value.ts";
import type { LogTarget } from "../hooks.ts";
import type { AclSession } from "../session.ts";
import { stageNames } from "../stage-names.ts";
import { expandedTest } from "../test.ts";

const TARGETS: ReadonlySet<string> = new Set<LogTarget>(["main", "reject", "panic"]);

/** `logwrite = :main,reject: text`: now, whatever becomes of the statement. */
export const logwrite = expandedTest((value, { session }) => {
  const text = textOf(value);
  const [prefix = "", names = ""] = /^[\t-\r ]*:([^:]*):/.exec(text) ?? [];
  const { targets, isWrong } = targetsOf(names, /,/, session, () => ` in "${text}" in "logwrite"`);
  // As in Exim, the text has been told with what is wrong.
  if (!isWrong) session.log(targets.length === 0 ? ["main"] : targets, trimStart(text.slice(prefix.length)));
  return "yes";
});

/** `log_reject_target = main:reject`: where refusals of this command are logged. */
export const logRejectTarget = expandedTest((value, { session }) => {
  const where = (name: string): string => ` "${name}" in "log_reject_target"`;
  session.rejectTargets = targetsOf(textOf(value), /:/, session, where).targets;
  return "yes";
});

/** A name that no log has costs nobody his mail: as in Exim, it is told, and stands for where refusals go by default. */
function targetsOf(
  list: string,
  separator: RegExp,
  session: AclSession,
  where: (unknown: string) => string,
): { readonly targets: readonly LogTarget[]; readonly isWrong: boolean } {
  const names = list.split(separator).map((name) => trim(name));
  const unknown = names.filter((name) => name !== "" && !TARGETS.has(name));
  const stage = session.run === undefined ? "" : ` in ${stageNames[session.run.stage]} ACL`;
  for (const name of unknown) session.log(["main", "panic"], `unknown log name${where(name)}${stage}`);
  const known = names.filter((name): name is LogTarget => TARGETS.has(name));
  return { targets: unknown.length === 0 ? known : [...known, "main", "reject"], isWrong: unknown.length > 0 };
}
