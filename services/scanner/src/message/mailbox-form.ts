import type { ScannedMessage } from "./scanned-message.ts";

/** Recipients that are named; nobody looks at more. */
const MAX_NAMED = 1_000;

/**
 * What Exim puts before a message for SpamAssassin and virus scanners (manual, "Content scanning at ACL time"): the line that
 * begins a mailbox, and the envelope as header fields.
 */
export function mailboxHead({ returnPath, recipients }: ScannedMessage, atMs: number): Buffer {
  const named = recipients.slice(0, MAX_NAMED).map(clean);
  const lines = [
    `From MAILER-DAEMON ${mailboxDate(atMs)}`,
    `X-Envelope-From: <${clean(returnPath)}>`,
    `X-Envelope-To: ${named.join(", ")}`,
  ];
  return Buffer.from(lines.map((line) => `${line}\r\n`).join(""), "latin1");
}

/** `Thu Nov  5 09:08:07 2026`, in UTC. */
function mailboxDate(atMs: number): string {
  const [weekday = "", day = "", month = "", year = "", time = ""] = new Date(atMs).toUTCString().split(/,? /);
  return `${weekday} ${month} ${String(Number(day)).padStart(2)} ${time} ${year}`;
}

/** What is in a quoted local part must not begin a line. */
const clean = (address: string): string => address.replaceAll(/[^\x20-\x7e\x80-\xff]/g, "");
