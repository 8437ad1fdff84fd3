import { type Expansion, Tainted, textOf } from "@postbus/policy";
import type { Attempt } from "./attempt.ts";
import { type Deferred, deferred, errorNumbers } from "./driver-result.ts";
import type { Expanded } from "./expand.ts";

export interface ChosenTransport {
  readonly kind: "transport";
  readonly name: string;
  readonly isLocal: boolean;
  /** It has hosts of its own and takes no others: `hosts_override`. */
  readonly overridesHosts: boolean;
}

/**
 * The transport that an option names. A promise only where something has to be waited for.
 *
 * @param option Its name, for problems.
 */
export function chosenTransport(
  attempt: Attempt,
  expansion: Expansion | undefined,
  option = "transport",
): ChosenTransport | Deferred | Promise<ChosenTransport | Deferred> {
  if (expansion === undefined) return problem(`${option} unset in ${attempt.router.name} router`);
  const expanded = attempt.expand(expansion);
  return expanded instanceof Promise
    ? expanded.then((later) => expandedTransport(attempt, expansion, option, later))
    : expandedTransport(attempt, expansion, option, expanded);
}

const problem = (text: string): Deferred => deferred(text, errorNumbers.badTransport);

function expandedTransport(
  attempt: Attempt,
  expansion: Expansion,
  option: string,
  expanded: Expanded,
): ChosenTransport | Deferred {
  const { router, run } = attempt;
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
