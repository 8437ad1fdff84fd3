import type { SmtpMessage } from "./smtp/message.ts";

/** Where a header line of an ACL goes (Exim's manual, "Adding header lines in ACLs"). */
export type HeaderPosition = "at_end" | "at_start" | "after_received" | "at_start_rfc";

export interface AddedHeader {
  readonly position: HeaderPosition;
  /** Name, colon, content, folded with LF; the final LF included. Octets. */
  readonly text: string;
}

/** Bounds what the policy can make of one message: a loop over its recipients adds a line for each. */
const MAX_ADDED_OCTETS = 1024 * 1024;

const POSITION = /^:(at_start_rfc|after_received|at_start|at_end):[\t ]*/i;

/**
 * Adds the header lines of an `add_header`. Several are split at line ends with no blank behind; a line that has no name
 * becomes an `X-ACL-Warn:`; one that was added before is not added again.
 */
export function addHeaderText(message: SmtpMessage, text: string): void {
  const lines = text.replace(/^\n+/, "").replace(/\n+$/, "");
  if (lines === "") return;
  for (const line of lines.split(/\n(?![ \t])/)) {
    const [prefix = "", position = "at_end"] = POSITION.exec(line) ?? [];
    const written = line.slice(prefix.length);
    const named = /^[!-9;-~]*:/.test(written) ? written : `X-ACL-Warn: ${written}`;
    message.addHeader({ position: position.toLowerCase() as HeaderPosition, text: `${named}\n` }, MAX_ADDED_OCTETS);
  }
}
