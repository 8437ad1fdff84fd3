import { trim } from "@postbus/mail";
import { compileExpansion, type Expansion, textOf } from "@postbus/policy";
import type { Attempt } from "../attempt.ts";
import { deferred } from "../driver-result.ts";
import type { Expanded } from "../expand.ts";
import type { CompilePrecondition, PreconditionResult } from "./precondition.ts";
import { skipped } from "./precondition.ts";

/** `condition`, once or several times: all of them are true, that is neither empty nor `0`, `no` or `false`. */
export const condition: CompilePrecondition = ({ generic }) => {
  const lines = generic.get("condition");
  if (lines === undefined || lines.length === 0) return undefined;
  const expansions = lines.map(compileExpansion);
  // One alone is taken as it is; several are arguments of `bool_lax`, which drops blanks.
  const isTrimmed = expansions.length > 1;
  const from = (start: number, attempt: Attempt): PreconditionResult | Promise<PreconditionResult> => {
    for (let i = start; i < expansions.length; i++) {
      const expansion = expansions[i];
      if (expansion === undefined) break;
      const expanded = attempt.expand(expansion);
      if (expanded instanceof Promise) return behind(expanded, i, expansion, attempt);
      const result = decided(expanded, expansion, isTrimmed, attempt);
      if (result !== undefined) return result;
    }
    return undefined;
  };
  const behind = async (awaited: Promise<Expanded>, at: number, expansion: Expansion, attempt: Attempt) =>
    decided(await awaited, expansion, isTrimmed, attempt) ?? from(at + 1, attempt);
  return { name: "condition", test: (attempt) => from(0, attempt) };
};

function decided(
  expanded: Expanded,
  { source }: Expansion,
  isTrimmed: boolean,
  { run, router }: Attempt,
): PreconditionResult {
  if (expanded.kind === "failed" && expanded.isDefer) return deferred("condition check lookup defer");
  if (expanded.kind === "failed") {
    run.context.warn?.(`failed to expand condition "${source}" for ${router.name} router: ${expanded.text}`);
  }
  if (expanded.kind !== "value") return skipped(`condition: ${expanded.text}`);
  const text = textOf(expanded.value);
  return /^(?:0|no|false|)$/i.test(isTrimmed ? trim(text) : text) ? skipped("condition") : undefined;
}
