import { headerFields } from "@postbus/mail";

/** A field within the section. */
export interface Field {
  /** Lower case. */
  readonly name: string;
  /** Octets from the start of the section to the name, and to behind the last CRLF. */
  readonly start: number;
  readonly end: number;
}

export type HeaderSection =
  | { readonly kind: "fields"; readonly fields: readonly Field[] }
  /** Another program could read it in another way than we do: nothing may be concluded from it. */
  | { readonly kind: "unusable"; readonly reason: string; readonly signatures: number };

const ALONE = /\r(?!\n)|(?<!\r)\n/;
const SIGNATURE = /^dkim-signature[ \t]*:/gim;

/**
 * Finds the fields (RFC 5322 §2.2). Strict, since what we call From must be what the reader's program calls From: a
 * line that is neither field nor fold, and a CR or LF alone, make the whole section unusable (such differences were
 * used to get unsigned text past signatures: Exim bug 3036).
 *
 * How many fields there are, how long and how often folded, is not looked at: whatever a server takes must be judged, or
 * a strange header would be a way past a policy that refuses forgeries. Whoever reads fields takes time that grows with
 * their length, no faster.
 *
 * @param section Up to and with the CRLF of the last field, without the empty line.
 */
export function readHeaderSection(section: Buffer): HeaderSection {
  const text = section.toString("latin1");
  const unusable = (reason: string): HeaderSection => ({
    kind: "unusable",
    reason,
    signatures: text.match(SIGNATURE)?.length ?? 0,
  });
  if (ALONE.test(text)) return unusable("a CR or LF alone");
  const fields = headerFields(section);
  const end = fields.at(-1)?.end ?? 0;
  return end === section.length ? { kind: "fields", fields } : unusable("a line that is no header field");
}
