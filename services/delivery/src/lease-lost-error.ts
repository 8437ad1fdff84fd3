/** Somebody else may have got the item by now. What was not yet irrevocable was abandoned; the result is theirs to report. */
export class LeaseLostError extends Error {
  override readonly name = "LeaseLostError";
}
