import { trim } from "@postbus/mail";

/** A list of tags (RFC 6376 §3.2), of a signature or a key. Of several with one name, the first counts. */
export function readTags(text: string): ReadonlyMap<string, string> {
  const tags = new Map<string, string>();
  for (const segment of text.split(";")) {
    const equals = segment.indexOf("=");
    if (equals === -1) continue;
    const name = trim(segment.slice(0, equals));
    if (!tags.has(name)) tags.set(name, trim(segment.slice(equals + 1)));
  }
  return tags;
}
