import { lowerCase } from "./operators/case.ts";

/**
 * The order of two strings without regard to the case of ASCII letters: negative, 0 or positive. As in all versions of Exim,
 * a string counts as greater than one that begins with it: `${if gti{a}{ab}}` is true, and so is `${if gti{ab}{a}}`.
 */
export function compareCaseless(a: string, b: string): number {
  return compareLower(lowerCase(a), lowerCase(b));
}

/** The same, for strings that are in lower case already. */
export function compareLower(a: string, b: string): number {
  if (a === b) return 0;
  return a < b && !b.startsWith(a) ? -1 : 1;
}
