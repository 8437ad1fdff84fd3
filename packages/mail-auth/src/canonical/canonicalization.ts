/** The two ways of making what is hashed independent of what happens to mail on its way (RFC 6376 §3.4). */
export type Canonicalization = "simple" | "relaxed";

/** `c=` of a signature: that of the header, then that of the body, each simple if it is not there. Undefined: unknown words. */
export function readCanonicalization(
  tag: string | undefined,
): { readonly header: Canonicalization; readonly body: Canonicalization } | undefined {
  const [header = "simple", body = "simple", ...more] = (tag ?? "simple").toLowerCase().split("/");
  if (more.length > 0 || !isCanonicalization(header) || !isCanonicalization(body)) return undefined;
  return { header, body };
}

const isCanonicalization = (word: string): word is Canonicalization => word === "simple" || word === "relaxed";
