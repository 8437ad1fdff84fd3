import { compileExpansion } from "../../../expansion/compile-expansion.ts";
import { createEvaluation } from "../../../expansion/create-evaluation.ts";
import type { Variables } from "../../../expansion/evaluation.ts";
import { textOf } from "../../../expansion/value.ts";
import type { SharedSurroundings } from "../../../load/policy-surroundings.ts";
import type { CompiledTransport } from "../../../policy.ts";
import type { TransportSettings } from "../../../reader/configuration.ts";
import { variablesIn } from "../variables-in.ts";
import { expandOption } from "./refusal.ts";

/** A second delivery, after one that has succeeded; what comes of it is only logged (Exim's manual, `shadow_transport`). */
export interface ShadowDelivery {
  /** Name of its transport. */
  readonly transport: string;
  /** Whether it is wanted: `shadow_condition`. What cannot be expanded wants none. */
  isWanted(variables: Variables): Promise<boolean>;
}

/**
 * A transport with its shadow, whose options may name variables, too.
 *
 * @param shadowed The shadow itself, if the policy has it.
 */
export function withShadow(
  transport: CompiledTransport,
  { generic }: Pick<TransportSettings, "generic">,
  shadowed: CompiledTransport | undefined,
  shared: SharedSurroundings,
): CompiledTransport {
  const name = generic.get("shadow_transport");
  if (name === undefined) return transport;
  const text = generic.get("shadow_condition");
  const condition = text === undefined ? undefined : compileExpansion(text);
  const tests = [transport.variables, shadowed?.variables, text === undefined ? undefined : variablesIn([text])];
  const isNamed = tests.filter((test) => test !== undefined);
  return {
    ...transport,
    variables: isNamed.length === 0 ? undefined : (variable) => isNamed.some((test) => test(variable)),
    shadow: {
      transport: name,
      async isWanted(variables) {
        if (condition === undefined) return true;
        const found = await expandOption(condition, createEvaluation({ ...shared, variables }));
        return found.kind === "value" && !/^(?:0*|no|false)$/i.test(textOf(found.value).trim());
      },
    },
  };
}
