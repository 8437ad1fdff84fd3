import { compileWith } from "./compile-with.ts";
import { conditions } from "./conditions/index.ts";
import type { Expansion } from "./expansion.ts";
import { items } from "./items/index.ts";
import { operators } from "./operators/index.ts";

const families = { items, operators, conditions };

/**
 * Compiles a string of the policy, once; never throws. One without `$` and `\` costs nothing when it is run.
 *
 * @param source Octets, as they stand in the configuration.
 */
export function compileExpansion(source: string): Expansion {
  return compileWith(source, families);
}
