/** Whether octets of this character set can be read. */
export function isKnownCharset(name: string): boolean {
  return decoded("", canonical(name)) !== undefined;
}

/**
 * Octets of one character set as octets of another. What cannot be said in the target becomes `?`; octets of a set that
 * nobody knows stay as they are, as Exim leaves them.
 */
export function converted(octets: string, from: string, to: string): string {
  const source = canonical(from);
  const target = canonical(to);
  if (source === target) return octets;
  const text = decoded(octets, source);
  if (text === undefined) return octets;
  return encoded(text, target) ?? octets;
}

const canonical = (name: string): string => {
  const lower = name.toLowerCase();
  return lower === "utf8" ? "utf-8" : lower;
};

function decoded(octets: string, charset: string): string | undefined {
  if (isLatin1(charset)) return octets;
  try {
    return new TextDecoder(charset).decode(Buffer.from(octets, "latin1"));
  } catch {
    // RangeError: no such character set.
    return undefined;
  }
}

function encoded(text: string, charset: string): string | undefined {
  if (charset === "utf-8") return Buffer.from(text, "utf8").toString("latin1");
  if (isLatin1(charset)) return Array.from(text, (c) => (c > "\xff" ? "?" : c)).join("");
  return undefined;
}

const isLatin1 = (charset: string): boolean => charset === "iso-8859-1" || charset === "latin1";
