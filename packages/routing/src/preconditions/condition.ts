import { compileExpansion, textOf } from "@postbus/policy";
import { deferred } from "../driver-result.ts";
import type { CompilePrecondition } from "./precondition.ts";
import { skipped } from "./precondition.ts";

/** `condition`, once or several times: all of them are true, that is neither empty nor `0`, `no` or `false`. */
export const condition: CompilePrecondition = ({ generic }) => {
  const lines = generic.get("condition");
  if (lines === undefined || lines.length === 0) return undefined;
  const expansions = lines.map(compileExpansion);
  // One alone is taken as it is; several are arguments of `bool_lax`, which drops blanks.
  const isTrimmed = expansions.length > 1;
  return {
    name: "condition",
    async test(attempt) {
      for (const expansion of expansions) {
        const expanded = await attempt.expand(expansion);
        if (expanded.kind === "failed" && expanded.isDefer) return deferred("condition check lookup defer");
        if (expanded.kind === "failed") {
          attempt.run.context.warn?.(
            `failed to expand condition "${expansion.source}" for ${attempt.router.name} router: ${expanded.text}`,
          );
        }
        if (expanded.kind !== "value") return skipped(`condition: ${expanded.text}`);
        const text = textOf(expanded.value);
        if (/^(?:0|no|false|)$/i.test(isTrimmed ? text.trim() : text)) return skipped("condition");
      }
      return undefined;
    },
  };
};
