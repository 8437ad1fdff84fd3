import { createHmac } from "node:crypto";
import { type Eventual, restoring, runCode, then, withValues } from "../code.ts";
import type { Evaluation } from "../evaluation.ts";
import { ExpansionFailure } from "../failures.ts";
import type { Item } from "../parser.ts";
import { derived, textOf, type Value } from "../value.ts";

const DAY_MS = 86_400_000;
/** How long a tag is good, and the length of its day number, by the draft: draft-levine-smtp-batv-01 §3. */
const DAYS = 7;

/** `${prvs{address}{secret}{key number}}`: the address with a tag that shows that we have sent from it (BATV). */
export const prvs: Item = {
  name: "prvs",
  compile: (parser) =>
    withValues(parser.allArguments("prvs", 2, 3), ([address = "", secret = "", key = ""], evaluation) => {
      const text = textOf(address);
      const at = text.lastIndexOf("@");
      if (at < 1) throw new ExpansionFailure("prvs first argument must be a qualified email address");
      const digit = textOf(key) === "" ? "0" : textOf(key);
      if (!/^[0-9]$/.test(digit)) throw new ExpansionFailure("prvs third argument must be a single digit");
      const day = String((dayNumber(evaluation.around.now()) + DAYS) % 1000).padStart(3, "0");
      return derived(address, `prvs=${digit}${day}${tag(digit + day, text, textOf(secret))}=${text}`);
    }),
};

const TAGGED = /^prvs=([0-9])([0-9]{3})([0-9a-f]{6})=([^@]*)@(.*)$/i;

/**
 * `${prvscheck{address}{secret}{string}}`: empty if the address has no tag; else `$prvscheck_address`, `$prvscheck_keynum`
 * and `$prvscheck_result` (`1` if the tag is right and in time) are set for the string, which by default is the address.
 */
export const prvscheck: Item = {
  name: "prvscheck",
  compile(parser) {
    const [first = "", second = "", third] = parser.allArguments("prvscheck", 2, 3);
    const check = (evaluation: Evaluation): Eventual<Value> =>
      then(runCode(first, evaluation), (value) => {
        const [, key = "", day = "", hash = "", local = "", domain = ""] = TAGGED.exec(textOf(value)) ?? [];
        // As in Exim: what the string does happens, but nothing is made of it.
        if (key === "") return then(third === undefined ? "" : runCode(third, evaluation), () => "");
        const address = `${local}@${domain}`;
        evaluation.locals.set("prvscheck_address", derived(value, address));
        evaluation.locals.set("prvscheck_keynum", key);
        return then(runCode(second, evaluation), (secret) => {
          const isRight = tag(key + day, address, textOf(secret)) === hash.toLowerCase();
          const isInTime = inTime(Number(day), dayNumber(evaluation.around.now()));
          evaluation.locals.set("prvscheck_result", isRight && isInTime ? "1" : "");
          const text = third === undefined ? "" : runCode(third, evaluation);
          return then(text, (given) => (textOf(given) === "" ? derived(value, address) : given));
        });
      });
    return (evaluation) =>
      restoring(
        () => check(evaluation),
        () => {
          // The result stays, as in Exim.
          evaluation.locals.delete("prvscheck_address");
          evaluation.locals.delete("prvscheck_keynum");
        },
      );
  },
};

const dayNumber = (nowMs: number): number => Math.floor(nowMs / DAY_MS);

/** Day numbers have three digits and begin again at 0. */
function inTime(expires: number, now: number): boolean {
  const today = now % 1000;
  return expires >= (expires < DAYS && today >= 1000 - DAYS ? 0 : today);
}

/** Six hexadecimal digits. Keys have at most 64 octets. */
function tag(prefix: string, address: string, secret: string): string {
  const mac = createHmac("sha1", Buffer.from(secret.slice(0, 64), "latin1"));
  return mac
    .update(prefix + address, "latin1")
    .digest("hex")
    .slice(0, 6);
}
