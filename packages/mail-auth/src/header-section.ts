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
  | BrokenSection
  /** Another program could read it in another way than we do: nothing may be concluded from it. */
  | { readonly kind: "unusable"; readonly reason: string; readonly signatures: number };

/** A line that is neither field nor fold: for us the body begins there, and for other programs perhaps elsewhere. */
interface BrokenSection {
  readonly kind: "broken";
  readonly reason: string;
  readonly signatures: number;
  /** Above that line. */
  readonly fields: readonly Field[];
  /** A program that reads on below that line finds an author there. */
  readonly hasFromBelow: boolean;
}

const ALONE = /\r(?!\n)|(?<!\r)\n/;
const SIGNATURE = /^dkim-signature[ \t]*:/gim;
const FROM = /^from[ \t]*:/im;

/**
 * Finds the fields (RFC 5322 §2.2). Strict, since what we call From must be what the reader's program calls From: a
 * CR or LF alone makes the whole section unusable, and a line that is neither field nor fold makes its signatures void
 * (such differences were used to get unsigned text past signatures: Exim bug 3036). What stands above such a line is the
 * header that we deliver: the policy of its author holds, or one bad line would be a way past it.
 *
 * How many fields there are, how long and how often folded, is not looked at: whatever a server takes must be judged, or
 * a strange header would be a way past a policy that refuses forgeries. Whoever reads fields takes time that grows with
 * their length, no faster.
 *
 * @param section Up to and with the CRLF of the last field, without the empty line.
 */
export function readHeaderSection(section: Buffer): HeaderSection {
  const text = section.toString("latin1");
  if (ALONE.test(text)) return { kind: "unusable", reason: "a CR or LF alone", signatures: countSignatures(text) };
  const fields = headerFields(section);
  const end = fields.at(-1)?.end ?? 0;
  if (end === section.length) return { kind: "fields", fields };
  return {
    kind: "broken",
    reason: "a line that is no header field",
    signatures: countSignatures(text),
    fields,
    hasFromBelow: FROM.test(text.slice(end)),
  };
}

const countSignatures = (text: string): number => text.match(SIGNATURE)?.length ?? 0;
