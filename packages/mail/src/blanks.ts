/**
 * The blanks of C: tab, line feed, vertical tab, form feed, carriage return, space. JavaScript's `\s` and `trim` take the
 * octet 0xA0 for one as well, which is the second half of an "à" in UTF-8.
 */
function isBlank(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}

/** The text without blanks at its start. */
export function trimStart(text: string): string {
  let start = 0;
  while (start < text.length && isBlank(text.charCodeAt(start))) start++;
  return text.slice(start);
}

/** The text without blanks at its end. */
export function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(0, end);
}

/** The text without blanks around it. */
export function trim(text: string): string {
  return trimEnd(trimStart(text));
}
