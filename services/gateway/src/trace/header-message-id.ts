import { fieldValue, type HeaderField, trim } from "@postbus/mail";

/** RFC 5322 §2.1.1; the bound that contracts have for it. */
const MAX_MESSAGE_ID = 998;

/** The Message-ID without its angle brackets; undefined if there is none. Cut: peers choose it, and it goes into logs. */
export function messageIdOf(header: Buffer, fields: readonly HeaderField[]): string | undefined {
  const field = fields.find(({ name }) => name === "message-id");
  if (field === undefined) return undefined;
  const value = fieldValue(header, field);
  const inner = /<([^<>]*)>/.exec(value)?.[1] ?? value;
  return trim(inner.slice(0, MAX_MESSAGE_ID)) || undefined;
}
