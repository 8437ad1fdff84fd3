import type { HeaderField } from "@postbus/mail";
import { isForgedResult } from "./forged-results.ts";

/** What does not go on with a message. */
export interface Unwanted {
  /** In lower case. */
  readonly names: ReadonlySet<string>;
  /** Whose results of checks nobody else may tell: our names, in lower case. */
  readonly authservIds: readonly string[];
}

/**
 * A header section without the fields that are not to go on. The rest stays octet for octet; if there is nothing to take
 * out, the same Buffer is given back.
 */
export function withoutUnwanted(
  header: Buffer,
  fields: readonly HeaderField[],
  { names, authservIds }: Unwanted,
): Buffer {
  const unwanted = fields.filter((field) => names.has(field.name) || isForgedResult(header, field, authservIds));
  if (unwanted.length === 0) return header;
  const kept: Buffer[] = [];
  let from = 0;
  for (const { start, end } of unwanted) {
    kept.push(header.subarray(from, start));
    from = end;
  }
  return Buffer.concat([...kept, header.subarray(from)]);
}
