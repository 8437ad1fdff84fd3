/** Longest file name on common file systems (`NAME_MAX`). */
const MAX_NAME = 255;

/**
 * The unique part of a file's name in a Maildir (https://cr.yp.to/proto/maildir.html: seconds, something unique, host).
 *
 * It follows from the work item and the recipient's place in it, not from the moment: the same item handled again
 * after a crash finds the file that it has written.
 *
 * @param queuedAtMs When the item was made.
 */
export function maildirName(itemId: string, recipientIndex: number, queuedAtMs: number, hostName: string): string {
  const seconds = Math.floor(queuedAtMs / 1000);
  const microseconds = (queuedAtMs % 1000) * 1000;
  const name = `${seconds}.M${microseconds}I${safe(itemId)}Q${recipientIndex}.${safe(hostName)}`;
  // Room for `,S=size` and the flags that a reader appends.
  return name.slice(0, MAX_NAME - 40);
}

/** `/` and `:` have meanings in a Maildir; both are replaced as the maildir page says, others to be on the safe side. */
function safe(word: string): string {
  return word.replace(/[^0-9A-Za-z_.-]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, "0")}`);
}
