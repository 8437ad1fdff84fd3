import { mailboxes, parseMailbox } from "../../../expansion/mailbox.ts";

/** Recipients of one reply; more is no answer but a mailing. */
const MAX_RECIPIENTS = 1_000;

/** Whom lists of mailboxes name (RFC 5322 §3.4), each once. @returns undefined: one of them is no such list. */
export function readRecipients(lists: readonly string[]): readonly string[] | undefined {
  const found = new Set<string>();
  for (const list of lists) {
    for (const text of mailboxes(list)) {
      if (text.trim() === "") continue;
      const address = parseMailbox(text)?.address;
      if (address === undefined || address === "" || found.size >= MAX_RECIPIENTS) return undefined;
      found.add(address);
    }
  }
  return [...found];
}
