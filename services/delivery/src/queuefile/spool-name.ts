import { createHash } from "node:crypto";
import { splitItemId } from "@postbus/contracts";
import { derivedMessageId } from "@postbus/mail";

/** The branch of an item that has all of its message. */
const WHOLE = "0";

/**
 * The name of a message's spool files (Exim's manual, "Format of spool files"): its id, or, where the message goes on in several
 * items, one that follows from the item's, so that two of them never meet and a second run finds what the first has made.
 *
 * @param receivedAtMs When the message was accepted: Exim reads it out of the name.
 * @param isShort 16 characters, for Exim up to 4.96, instead of 23.
 */
export function spoolName(itemId: string, receivedAtMs: number, isShort: boolean): string {
  const { messageId, branch } = splitItemId(itemId);
  const name = branch === WHOLE ? messageId : derivedMessageId(`${messageId}_${branch}/queuefile`, receivedAtMs);
  if (!isShort) return name;
  const [seconds = ""] = name.split("-");
  const hash = createHash("sha256").update(name).digest();
  return `${seconds}-${base62(hash.readUIntBE(0, 6), 6)}-${base62(hash.readUInt32BE(8), 2)}`;
}

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

function base62(value: number, width: number): string {
  let rest = value;
  let text = "";
  for (let i = 0; i < width; i++) {
    text = DIGITS.charAt(rest % 62) + text;
    rest = Math.floor(rest / 62);
  }
  return text;
}
