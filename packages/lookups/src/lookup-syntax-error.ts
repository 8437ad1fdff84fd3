/** A lookup is written wrongly; the texts are Exim's. */
export class LookupSyntaxError extends Error {
  override readonly name = "LookupSyntaxError";
}
