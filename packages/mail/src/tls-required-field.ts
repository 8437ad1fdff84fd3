import { trim } from "./blanks.ts";

/**
 * What the TLS-Required fields of a message say (RFC 8689 §3): `no` is all that can be said, and once. `invalid`: they are
 * to be taken as if they were not there.
 *
 * @param values Of all of them, folded or not.
 */
export function tlsRequiredField(values: readonly string[]): "no" | "invalid" | undefined {
  const [value, ...more] = values;
  if (value === undefined) return undefined;
  return more.length === 0 && trim(value.replace(/\r?\n/g, "")).toLowerCase() === "no" ? "no" : "invalid";
}
