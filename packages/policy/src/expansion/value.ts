/**
 * A string of the policy language: octets, one character (code 0 to 255) each. What came from a peer or out of a message
 * is `Tainted`, so that the compiler finds each place that would use it as if the operator had written it.
 */
export type Value = string | Tainted;

/** A string that a peer has chosen, at least in part. It may be compared, printed and looked up, but name nothing. */
export class Tainted {
  readonly text: string;
  /** The lookup type for whose queries all that a peer has chosen in it has been quoted: `mysql`. */
  readonly quotedFor: string | undefined;

  constructor(text: string, quotedFor?: string) {
    this.text = text;
    this.quotedFor = quotedFor;
  }
}

/** The characters, whoever chose them: for comparing, measuring, printing. Not for names of files and other things. */
export function textOf(value: Value): string {
  return typeof value === "string" ? value : value.text;
}

/** The characters as tainted as what they were made from: `derived(address, domainOf(textOf(address)))`. */
export function derived(from: Value, text: string): Value {
  return typeof from === "string" ? text : new Tainted(text);
}

/** The taint of a string made of two, one of which is tainted. */
export function mixed(text: string, a: Value, b: Value): Tainted {
  const quotedFor = typeof a === "string" ? undefined : a.quotedFor;
  if (typeof a === "string") return new Tainted(text, typeof b === "string" ? undefined : b.quotedFor);
  return new Tainted(text, typeof b === "string" || b.quotedFor === quotedFor ? quotedFor : undefined);
}

/** One after the other; a tainted part taints the whole. */
export function joined(a: Value, b: Value): Value {
  if (typeof a === "string" && typeof b === "string") return a + b;
  return mixed(textOf(a) + textOf(b), a, b);
}
