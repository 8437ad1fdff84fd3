import type { EnhancedStatus, Reply } from "@postbus/mail";
import { messageLines } from "./message-lines.ts";

/** A reply code at the beginning of a message, and an enhanced status code (RFC 3463) behind it. */
const CODE = /^([0-9]{3})[\t-\r ](?:([0-9]\.[0-9]{1,3}\.[0-9]{1,3})[\t-\r ])?/;

/** Replies keep below this, whatever the policy makes of a peer's words. */
const MAX_OCTETS = 16 * 1024;

/**
 * The reply that a text of the policy makes. It may begin with a code, if that is of the same class as the one that is
 * due; one of another class is cut off, and `wrongCode` hears of it.
 *
 * @param wrongCode Undefined: any class will do.
 */
export function messageReply(text: string, code: number, wrongCode: (() => void) | undefined): Reply {
  const [prefix = "", written, status] = CODE.exec(text) ?? [];
  if (written === undefined) return { code, lines: messageLines(text.slice(0, MAX_OCTETS)) };
  const own = Number(written);
  // An enhanced code of another class than the reply's is no more than text.
  const isWhole = status === undefined || isStatusFor(own, status);
  const lines = messageLines(text.slice(isWhole ? prefix.length : CODE_LENGTH, MAX_OCTETS));
  if (wrongCode !== undefined && written.charAt(0) !== String(code).charAt(0)) {
    wrongCode();
    return { code, lines };
  }
  return isStatusFor(own, status) ? { code: own, status, lines } : { code: own, lines };
}

/** With the blank. */
const CODE_LENGTH = 4;

/** RFC 3463 §2: the classes are those of the replies. */
const isStatusFor = (code: number, status: string | undefined): status is EnhancedStatus =>
  status !== undefined && status.charAt(0) === String(code).charAt(0) && /^[245]\./.test(status);
