import { compileExpansion, type Expansion, textOf } from "@postbus/policy";
import type { Attempt } from "./attempt.ts";
import type { Flag } from "./compiled-router.ts";
import { type Deferred, deferred } from "./driver-result.ts";

/** A boolean as the reader gives it: text is expanded at each use. */
export const compileFlag = (value: boolean | string): Flag =>
  typeof value === "boolean" ? value : compileExpansion(value);

/** The value of a boolean now. @param otherwise After a forced failure: the default. */
export function flagValue(
  flag: Flag,
  attempt: Attempt,
  name: string,
  otherwise: boolean,
): boolean | Promise<boolean | Deferred> {
  return typeof flag === "boolean" ? flag : expandedFlag(flag, attempt, name, otherwise);
}

async function expandedFlag(
  flag: Expansion,
  attempt: Attempt,
  name: string,
  otherwise: boolean,
): Promise<boolean | Deferred> {
  const expanded = await attempt.expand(flag);
  if (expanded.kind === "forced") return otherwise;
  const router = `${attempt.router.name} router`;
  if (expanded.kind === "failed") return deferred(`failed to expand "${name}" in ${router}: ${expanded.text}`);
  const text = textOf(expanded.value);
  if (/^(?:true|yes)$/i.test(text)) return true;
  if (/^(?:false|no)$/i.test(text)) return false;
  return deferred(`"${text}" is not a valid value for the "${name}" option in the ${router}`);
}
