interface Allowed {
  /** Lines may go on in the next, if that begins with a blank. */
  readonly mayFold: boolean;
  /** `print_topbitchars` */
  readonly topBit: boolean;
}

/** The first octet of a header's value that must not be there: it would make another header of it, or something nobody can read. */
export function unprintable(text: string, { mayFold, topBit }: Allowed): number | undefined {
  for (let at = 0; at < text.length; at++) {
    const octet = text.charCodeAt(at);
    if ((octet >= 0x20 && octet < 0x7f) || (topBit && octet > 0x7f)) continue;
    if (octet === 0x09 && mayFold) continue;
    if (octet === 0x0a && mayFold && /[ \t]/.test(text.charAt(at + 1))) continue;
    return octet;
  }
  return undefined;
}

/** As Exim shows it in its log: `a\nb`, `a\344b`. */
export const printable = (text: string): string =>
  text.replace(/[^ -~]/g, (c) => NAMED[c] ?? `\\${c.charCodeAt(0).toString(8).padStart(3, "0")}`);

const NAMED: Readonly<Record<string, string>> = { "\n": "\\n", "\t": "\\t", "\r": "\\r" };
