import type { LookupSpec } from "./lookup.ts";
import { LookupDefer } from "./lookup-defer.ts";

/** A key to be tried, and what the numeric variables become if it is there. */
export interface CandidateKey {
  readonly key: string;
  readonly captures?: readonly string[];
}

/** Every component makes a key of nearly the whole length; names are much shorter than this (RFC 1035: 255). */
const MAX_PARTIAL_OCTETS = 4_096;

/**
 * The keys of a single-key lookup in the order in which they are tried (Exim's manual, "Partial matching in single-key
 * lookups" and "Default values in single-key lookups").
 *
 * @throws {LookupDefer} a key so long that trying its parts would take too much time.
 */
export function* candidateKeys(key: string, { type, partial, defaults }: LookupSpec): Generator<CandidateKey> {
  if (partial === undefined) yield { key };
  else if (key.length > MAX_PARTIAL_OCTETS) {
    throw new LookupDefer(type.name, `a key of ${key.length} octets is too long for a partial lookup`);
  } else yield* partialKeys(key, partial);
  if (defaults === "*@") {
    const at = key.lastIndexOf("@");
    if (at > 0) yield { key: `*${key.slice(at)}`, captures: [key.slice(0, at), ""] };
  }
  if (defaults !== undefined) yield { key: "*", captures: [key, ""] };
}

function* partialKeys(
  key: string,
  { minimum, affix }: { readonly minimum: number; readonly affix: string },
): Generator<CandidateKey> {
  const whole = ["", key];
  yield { key, captures: whole };
  if (affix !== "") yield { key: affix + key, captures: whole };
  // Each round drops one component. There are as many as dots, and one more that leaves nothing but the affix.
  let from = 0;
  for (let dots = key.split(".").length - 1; dots >= minimum; dots--) {
    const dot = key.indexOf(".", from);
    if (dot === -1) {
      if (affix === "") return;
      const bare = affix.length > 1 && affix.endsWith(".") ? affix.slice(0, -1) : affix;
      // Exim takes the separator before the fixed part off the wild part here too, although there is none.
      yield { key: bare, captures: [key.slice(0, -1), ""] };
      return;
    }
    from = dot + 1;
    yield { key: affix + key.slice(from), captures: [key.slice(0, dot), key.slice(from)] };
  }
}
