/**
 * The tags of a field (RFC 6376 §3.2), as written but for the blanks around them. Undefined: it is no tag list, or a tag is there
 * twice.
 *
 * @param mayBeEmpty Between semicolons there may be nothing; else only behind the last one.
 */
export function strictTags(text: string, mayBeEmpty = false): ReadonlyMap<string, string> | undefined {
  const tags = new Map<string, string>();
  const segments = text.split(";");
  for (const [i, segment] of segments.entries()) {
    if ((mayBeEmpty || i === segments.length - 1) && trimBlanks(segment) === "") continue;
    const [, name, value] = TAG.exec(segment) ?? [];
    if (name === undefined || value === undefined || tags.has(name)) return undefined;
    tags.set(name, trimBlanks(value));
  }
  return tags;
}

const TAG = /^[ \t\r\n]*([A-Za-z][A-Za-z0-9_]*)[ \t\r\n]*=(.*)$/s;

function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

const isBlank = (code: number): boolean => code === 32 || code === 9 || code === 13 || code === 10;

/** A value in which blanks mean nothing: base64, lists. */
export const withoutBlanks = (value: string): string => value.replaceAll(/[ \t\r\n]+/g, "");
