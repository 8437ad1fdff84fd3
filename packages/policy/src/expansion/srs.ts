import { createHmac, timingSafeEqual } from "node:crypto";
import { lowerCase } from "./operators/case.ts";
import { quotedLocalPart } from "./operators/quote.ts";

const DAY_MS = 86_400_000;
const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
/** Day numbers have two characters of five bits. */
const DAYS = 1024;
/** How long bounces may come back. */
const MAX_AGE_DAYS = 10;

const FORM = /^srs0=([^=]+)=([a-z2-7]{2})=([^=]*)=([\s\S]*)$/i;

/** `SRS0=HHHH=TT=domain=local@domain` of ours, or nothing for the null return path. */
export function srsEncode(secret: string, returnPath: string, domain: string, nowMs: number): string {
  if (returnPath === "") return "";
  const at = returnPath.lastIndexOf("@");
  const local = at === -1 ? returnPath : returnPath.slice(0, at);
  const from = at === -1 ? "" : returnPath.slice(at + 1);
  const isQuoted = /^"[\s\S]*"$/.test(local);
  const plain = isQuoted ? local.slice(1, -1).replace(/\\([\s\S])/g, "$1") : local;
  const day = Math.floor(nowMs / DAY_MS) % DAYS;
  const stamp = ALPHABET.charAt(day >> 5) + ALPHABET.charAt(day & 31);
  const whole = `SRS0=${hash(secret, returnPath)}=${stamp}=${from}=${plain}`;
  return `${isQuoted ? quotedLocalPart(whole) : whole}@${domain}`;
}

/** An SRS0 local part, taken apart. */
interface Checked {
  /** The return path inside, in lower case. */
  readonly recipient: string;
  /** The hash is ours and its day not past. */
  readonly isRight: boolean;
}

/**
 * Takes an SRS0 local part apart; undefined if it is none.
 *
 * @param secret Empty: only the form is looked at.
 */
export function srsCheck(localPart: string, secret: string, nowMs: number): Checked | undefined {
  const [, written = "", stamp = "", domain = "", local] = FORM.exec(localPart) ?? [];
  if (local === undefined) return undefined;
  const recipient = lowerCase(`${quotedLocalPart(local)}@${domain}`);
  if (secret === "") return { recipient, isRight: true };
  const [high = "", low = ""] = stamp;
  const day = ALPHABET.indexOf(high) * 32 + ALPHABET.indexOf(low);
  const age = (Math.floor(nowMs / DAY_MS) - day + DAYS * DAYS) % DAYS;
  const isInTime = /^[a-z2-7]{2}$/.test(stamp) && age <= MAX_AGE_DAYS;
  const right = Buffer.from(hash(secret, `${local}@${domain}`));
  const given = Buffer.from(written, "latin1");
  return { recipient, isRight: isInTime && right.length === given.length && timingSafeEqual(right, given) };
}

function hash(secret: string, address: string): string {
  const mac = createHmac("md5", Buffer.from(secret, "latin1"));
  return mac.update(lowerCase(address), "latin1").digest("hex").slice(0, 4);
}
