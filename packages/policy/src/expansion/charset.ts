/** Whether octets of this character set can be read. */
export function isKnownCharset(name: string): boolean {
  return decoded("", canonical(name)) !== undefined;
}

/**
 * Octets of one character set as octets of another. As in Exim, they stay as they are where something in them cannot be said
 * in the target, and where nobody knows one of the sets.
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
  if (isLatin1(charset)) return /[\u0100-\uffff]/.test(text) ? undefined : text;
  if (charset === "us-ascii") return /[\u0080-\uffff]/.test(text) ? undefined : text;
  const set = decoded(ALL_OCTETS, charset);
  // With several octets to a character, it cannot be turned round like this.
  if (set?.length !== ALL_OCTETS.length) return undefined;
  const codes = Array.from(text, (character) => set.indexOf(character));
  return codes.includes(-1) ? undefined : String.fromCharCode(...codes);
}

const ALL_OCTETS = Buffer.from(Array.from({ length: 256 }, (_, code) => code)).toString("latin1");

const isLatin1 = (charset: string): boolean => charset === "iso-8859-1" || charset === "latin1";
