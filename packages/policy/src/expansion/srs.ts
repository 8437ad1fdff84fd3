import { createHmac, timingSafeEqual } from "node:crypto";
import { splitList } from "../matching/split-list.ts";
import { type Eventual, then } from "./code.ts";
import type { Evaluation } from "./evaluation.ts";
import { ExpansionFailure } from "./failures.ts";
import { lowerCase } from "./operators/case.ts";
import { quotedLocalPart } from "./operators/quote.ts";
import { textOf } from "./value.ts";

const DAY_MS = 86_400_000;
const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
/** Day numbers have two characters of five bits. */
const DAYS = 1024;
/** How long bounces may come back. */
const MAX_AGE_DAYS = 10;

const FORM = /^srs0=([^=]+)=([a-z2-7]{2})=([^=]*)=([\s\S]*)$/i;
/** In place of a secret: those of the main option, of which the first makes addresses, and all check. */
const ALL_SECRETS = "+srs_secrets";

/** @throws {ExpansionFailure} `+srs_secrets` is wanted, and there is none. */
export function srsSecrets(secret: string, evaluation: Evaluation): Eventual<readonly string[]> {
  if (secret !== ALL_SECRETS) return [secret];
  const { srsSecrets: list = "" } = evaluation.around.settings;
  return then(evaluation.language.compile(list).run(evaluation), (value) => {
    const secrets = [...splitList(textOf(value)).items].filter((item) => item !== "");
    if (secrets.length === 0) throw new ExpansionFailure("srs_secrets has no secret");
    return secrets;
  });
}

/** `SRS0=HHHH=TT=domain=local@domain` of ours, or nothing for the null return path. @param secret The first of several. */
export function srsEncode(secret: string, returnPath: string, domain: string, nowMs: number): string {
  if (returnPath === "") return "";
  const at = returnPath.lastIndexOf("@");
  const written = at === -1 ? returnPath : returnPath.slice(0, at);
  const from = at === -1 ? "" : returnPath.slice(at + 1);
  const isQuoted = /^"[\s\S]*"$/.test(written);
  const local = isQuoted ? unquoted(written) : written;
  const day = Math.floor(nowMs / DAY_MS) % DAYS;
  const stamp = ALPHABET.charAt(day >> 5) + ALPHABET.charAt(day & 31);
  // Quotes that are not needed are no part of the address: on the way back, nobody knows of them.
  const hashed = isQuoted ? `${quotedLocalPart(local)}@${from}` : returnPath;
  const whole = `SRS0=${hash(secret, hashed)}=${stamp}=${from}=${local}`;
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
 * Takes an SRS0 local part apart; undefined if it is none. Letters of hash and day may have changed their case on the way.
 *
 * @param secrets One that is empty: only the form is looked at.
 */
export function srsCheck(localPart: string, secrets: readonly string[], nowMs: number): Checked | undefined {
  const plain = /^"[\s\S]*"$/.test(localPart) ? unquoted(localPart) : localPart;
  const [, written = "", stamp = "", domain = "", local] = FORM.exec(plain) ?? [];
  if (local === undefined) return undefined;
  const recipient = lowerCase(`${quotedLocalPart(local)}@${domain}`);
  if (secrets.includes("")) return { recipient, isRight: true };
  const [high = "", low = ""] = stamp.toLowerCase();
  const day = ALPHABET.indexOf(high) * 32 + ALPHABET.indexOf(low);
  const age = (Math.floor(nowMs / DAY_MS) - day + DAYS * DAYS) % DAYS;
  const given = Buffer.from(written.toLowerCase(), "latin1");
  const isOurs = secrets.some((secret) => {
    const right = Buffer.from(hash(secret, recipient));
    return right.length === given.length && timingSafeEqual(right, given);
  });
  return { recipient, isRight: age <= MAX_AGE_DAYS && isOurs };
}

const unquoted = (written: string): string => written.slice(1, -1).replace(/\\([\s\S])/g, "$1");

function hash(secret: string, address: string): string {
  const mac = createHmac("md5", Buffer.from(secret, "latin1"));
  return mac.update(lowerCase(address), "latin1").digest("hex").slice(0, 4);
}
