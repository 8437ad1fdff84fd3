import type { Headers } from "@postbus/policy";

/** Exim's bound: the first, and the last ones. */
const MAX_REFERENCES = 12;
const ID = /<[^<>\s]{1,250}>/g;

/** What ties a reply to its message (RFC 5322 §3.6.4): `In-Reply-To:` and `References:`, each with its LF. */
export function referenceFields(headers: Headers | undefined): string {
  const [own = ""] = idsIn(headers, "message-id");
  const before = [idsIn(headers, "references"), idsIn(headers, "in-reply-to")].find((ids) => ids.length > 0) ?? [];
  const ids = own === "" ? before : [...before, own];
  const [first = "", ...more] = ids;
  const kept = ids.length > MAX_REFERENCES ? [first, ...more.slice(1 - MAX_REFERENCES)] : ids;
  const inReplyTo = own === "" ? "" : `In-Reply-To: ${own}\n`;
  return kept.length === 0 ? inReplyTo : `${inReplyTo}References: ${kept.join(kept.length > 3 ? "\n " : " ")}\n`;
}

const idsIn = (headers: Headers | undefined, name: string): string[] =>
  (headers?.occurrences(name) ?? []).flatMap((value) => value.match(ID) ?? []);
