import type { EnhancedStatus, Reply } from "@postbus/mail";
import { messageLines } from "./message-lines.ts";

/** A reply code at the beginning of a message, and an enhanced status code (RFC 3463) behind it. */
const CODE = /^([0-9]{3})[\t-\r ](?:([0-9]\.[0-9]{1,3}\.[0-9]{1,3})[\t-\r ])?/;

/** Replies keep below this, whatever the policy makes of a peer's words. */
const MAX_OCTETS = 16 * 1024;

/**
 * The reply that a text of the policy makes. It may begin with a code, if that is of the same class as the one that is
 * due; one of another class is cut off with what is behind it, and `wrongCode` hears of it. An enhanced code alone is taken as well.
 *
 * @param wrongCode Undefined: any class will do.
 */
export function messageReply(text: string, code: number, wrongCode: (() => void) | undefined): Reply {
  const [prefix = "", written, status] = CODE.exec(text) ?? [];
  const rest = (from: number): Reply["lines"] => messageLines(text.slice(from, MAX_OCTETS));
  if (written === undefined) {
    const [ahead = "", own] = STATUS.exec(text) ?? [];
    return isStatusFor(code, own) ? { code, status: own, lines: rest(ahead.length) } : { code, lines: rest(0) };
  }
  if (wrongCode !== undefined && written.charAt(0) !== String(code).charAt(0)) {
    wrongCode();
    return { code, lines: rest(prefix.length) };
  }
  const own = Number(written);
  if (isStatusFor(own, status)) return { code: own, status, lines: rest(prefix.length) };
  // An enhanced code of another class than the reply's is no more than text.
  return { code: own, lines: rest(status === undefined ? prefix.length : CODE_LENGTH) };
}

/** An enhanced status code without the other one, as people write it, too. */
const STATUS = /^([245]\.[0-9]{1,3}\.[0-9]{1,3})[\t-\r ]/;

/** With the blank. */
const CODE_LENGTH = 4;

/** RFC 3463 §2: the classes are those of the replies. */
const isStatusFor = (code: number, status: string | undefined): status is EnhancedStatus =>
  status !== undefined && status.charAt(0) === String(code).charAt(0) && /^[245]\./.test(status);
