import { type Expansion, Tainted, textOf } from "@postbus/policy";
import type { Attempt } from "./attempt.ts";
import { type Deferred, deferred, errorNumbers } from "./driver-result.ts";

export interface ChosenTransport {
  readonly kind: "transport";
  readonly name: string;
  readonly isLocal: boolean;
  /** It has hosts of its own and takes no others: `hosts_override`. */
  readonly overridesHosts: boolean;
}

/** The transport that an option names. @param option Its name, for problems. */
export async function chosenTransport(
  attempt: Attempt,
  expansion: Expansion | undefined,
  option = "transport",
): Promise<ChosenTransport | Deferred> {
  const { router, run } = attempt;
  const problem = (text: string): Deferred => deferred(text, errorNumbers.badTransport);
  if (expansion === undefined) return problem(`${option} unset in ${router.name} router`);
  const expanded = await attempt.expand(expansion);
  if (expanded.kind !== "value") {
    const what = option === "transport" ? "" : `${option} `;
    return problem(
      `failed to expand ${what}transport "${expansion.source}" in ${router.name} router: ${expanded.text}`,
    );
  }
  if (expanded.value instanceof Tainted) {
    run.context.warn?.(
      `attempt to use tainted value '${expanded.value.text}' from '${expansion.source}' for transport`,
    );
    return problem("internal configuration error");
  }
  return (
    namedTransport(attempt, textOf(expanded.value)) ??
    problem(`transport "${expanded.value}" not found in ${router.name} router`)
  );
}

/** By its name; undefined: there is none. */
export function namedTransport({ run }: Attempt, name: string): ChosenTransport | undefined {
  const found = run.settings.transports.get(name);
  return found === undefined ? undefined : { kind: "transport", name, ...found };
}
