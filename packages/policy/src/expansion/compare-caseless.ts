import { lowerCase } from "./operators/case.ts";

/**
 * The order of two strings without regard to the case of ASCII letters: negative, 0 or positive. As in all versions of Exim,
 * a string counts as greater than one that begins with it: `${if gti{a}{ab}}` is true, and so is `${if gti{ab}{a}}`.
 */
export function compareCaseless(a: string, b: string): number {
  const [x, y] = [lowerCase(a), lowerCase(b)];
  if (x === y) return 0;
  return x < y && !y.startsWith(x) ? -1 : 1;
}
