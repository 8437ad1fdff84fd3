import { Tainted, type Value } from "../expansion/value.ts";

/** A value as it stands in work items: plain, and still known to be a peer's where it is. */
export type CarriedValue = string | { readonly tainted: string };

/** The values of variables, for a work item. Undefined: there are none. */
export function carriedValues(
  variables: Iterable<readonly [string, Value]>,
): Record<string, string | { tainted: string }> | undefined {
  const carried: Record<string, string | { tainted: string }> = {};
  let isEmpty = true;
  for (const [name, value] of variables) {
    carried[name] = value instanceof Tainted ? { tainted: value.text } : value;
    isEmpty = false;
  }
  return isEmpty ? undefined : carried;
}

/** A value out of a work item. */
export const fromCarried = (carried: CarriedValue): Value =>
  typeof carried === "string" ? carried : new Tainted(carried.tainted);
