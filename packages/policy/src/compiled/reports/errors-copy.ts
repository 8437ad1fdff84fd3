import { domainOf, localPartOf } from "@postbus/mail";
import { compileExpansion } from "../../expansion/compile-expansion.ts";
import { createEvaluation } from "../../expansion/create-evaluation.ts";
import { failureText } from "../../expansion/failures.ts";
import { compileList } from "../../matching/compile-list.ts";
import { splitList } from "../../matching/split-list.ts";
import { type ReportContext, reportExpansion } from "./report-context.ts";

/** In one report. */
const MAX_COPIES = 100;

/**
 * `errors_copy`: a list of items `pattern addresses`. The first pattern that fits the address to which a bounce goes says who
 * else gets it; `$local_part` and `$domain` are those of that address.
 */
export function compileErrorsCopy(
  list: string | undefined,
): (to: string, context: ReportContext) => Promise<readonly string[]> {
  if (list === undefined) return async () => [];
  const items = [...splitList(list).items].map((item) => {
    const [, pattern = "", addresses = ""] = /^((?:"(?:[^"\\]|\\.)*"|\S)+)\s*([\s\S]*)$/.exec(item) ?? [];
    return { patterns: compileList("address", `<\x01 ${pattern}`), addresses: compileExpansion(addresses), item };
  });
  return async (to, context) => {
    for (const { patterns, addresses, item } of items) {
      try {
        if ((await patterns.match(context.evaluation, to)) === undefined) continue;
      } catch (err) {
        const text = failureText(err);
        if (text === undefined) throw err;
        context.problems.push(`errors_copy: "${item}" cannot be decided: ${text}`);
        continue;
      }
      const expanded = await reportExpansion(addresses, "errors_copy")(aboutAddress(to, context));
      const copies = (expanded ?? "").split(",").map((one) => one.trim());
      return copies.filter((one) => /^\S+@\S+$/.test(one)).slice(0, MAX_COPIES);
    }
    return [];
  };
}

function aboutAddress(to: string, { evaluation: { around }, problems }: ReportContext): ReportContext {
  const own: Readonly<Record<string, string>> = { local_part: localPartOf(to), domain: domainOf(to) };
  const variables = { get: (name: string) => own[name] ?? around.variables.get(name) };
  return { evaluation: createEvaluation({ ...around, variables }), problems };
}
