import { LookupSyntaxError, quoterForLookup } from "@postbus/lookups";
import { checkLength } from "../code.ts";
import { ExpansionFailure } from "../failures.ts";
import type { PureOperator, StateOperator } from "../operator.ts";
import { derived, Tainted, textOf, type Value } from "../value.ts";
import { ldapQuoters } from "./quote-ldap.ts";

/**
 * `${quote:two words}` → `"two words"`: as it is, if it holds letters, digits and `_.-` only. `${quote_TYPE:…}`: for use in
 * the query of a lookup of that type.
 */
export const quote: StateOperator = {
  name: "quote",
  takesArgument: true,
  run(subject, argument) {
    const text = textOf(subject);
    if (argument !== undefined) return quotedForLookup(subject, argument);
    const result = /^[A-Za-z0-9_.-]+$/.test(text) ? text : quoted(text);
    checkLength(result.length);
    return typeof subject === "string" ? result : new Tainted(result);
  },
};

/** `${quote_local_part:two words}`: as it is, if it is a dot-atom (RFC 5322 §3.2.3), or would be but for double dots. */
export const quoteLocalPart: PureOperator = { name: "quote_local_part", apply: quotedLocalPart };

/** A local part as it stands in an address. */
export function quotedLocalPart(text: string): string {
  return DOT_ATOM.test(text) ? text : quoted(text);
}

/** Dots in a row stay as they are: Exim takes such local parts, because there have been systems that made them. */
const DOT_ATOM = /^(?!\.)[\w!#$%&'*+\-/=?^`{|}~.]+(?<!\.)$/;

/** `${rxquote:a.b}` → `a\.b`: the text as a regular expression that matches it. */
export const rxquote: PureOperator = {
  name: "rxquote",
  apply: (subject) => subject.replace(/[^A-Za-z0-9]/g, "\\$&"),
};

function quoted(text: string): string {
  const inner = text.replace(/["\\\n\r]/g, (c) => (c === "\n" ? "\\n" : c === "\r" ? "\\r" : `\\${c}`));
  return `"${inner}"`;
}

function quotedForLookup(subject: Value, name: string): Value {
  const ldap = ldapQuoters.get(name);
  if (ldap !== undefined) return derived(subject, ldap(textOf(subject)));
  try {
    const quoter = quoterForLookup(name);
    const result = quoter.quote(textOf(subject));
    checkLength(result.length);
    if (typeof subject === "string") return result;
    const [type = name] = name.split("_");
    return quoter.hasQuoter ? new Tainted(result, type) : new Tainted(result);
  } catch (error) {
    if (error instanceof LookupSyntaxError) throw new ExpansionFailure(error.message, { cause: error });
    throw error;
  }
}
