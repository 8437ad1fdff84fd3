import type { SpfFact } from "@postbus/contracts";

/** RFC 8601 §2.7: one of the words in a fact. */
export type Result = SpfFact["result"];

const results: ReadonlySet<string> = new Set([
  "none",
  "pass",
  "fail",
  "softfail",
  "neutral",
  "policy",
  "temperror",
  "permerror",
]);

const isResult = (word: string): word is Result => results.has(word);

/** The library's word. One that the standard does not know says nothing: neutral. */
export const asResult = (word: string): Result => (isResult(word) ? word : "neutral");
