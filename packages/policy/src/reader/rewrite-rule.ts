import type { Place } from "./problem.ts";
import { firstItem } from "./quoted-string.ts";
import { splitPlainList } from "./split-plain-list.ts";
import { ValueError } from "./value-error.ts";

/** One place in a message: header lines (Bcc, Cc, From, Reply-To, Sender, To), envelope From and To, or RCPT as it comes. */
export type RewritePlace = "b" | "c" | "f" | "r" | "s" | "t" | "F" | "T" | "S";

/** A rule of the rewrite section or of a transport's `headers_rewrite`. */
export interface RewriteRule {
  readonly place: Place;
  /** An item of an address list, or a regular expression. */
  readonly pattern: string;
  /** Expanded; `*` leaves the address as it is. */
  readonly replacement: string;
  /** Where it applies. */
  readonly where: ReadonlySet<RewritePlace>;
  /** `q`: where it matches, no rule behind it is looked at, whether or not it rewrites. */
  readonly isLast: boolean;
  /** `Q`: the result may be a local part; `qualify_recipient` is put behind it. */
  readonly isQualified: boolean;
  /** `R`: it is looked at again with what it has made. */
  readonly isRepeated: boolean;
  /** `w`: the whole of a header line's address is rewritten, phrase included. */
  readonly isWhole: boolean;
}

const HEADERS = "bcfrst";
const EVERYWHERE = "bcfrstFT";

/** Reads `PATTERN REPLACEMENT [FLAGS]` (Exim's manual, "Rewriting rules"). @throws {ValueError} */
export function parseRewriteRule(text: string, place: Place): RewriteRule {
  const pattern = firstItem(text);
  if (pattern.rest === "") throw new ValueError("missing rewrite replacement string");
  const replacement = firstItem(pattern.rest);
  const where = new Set<RewritePlace>();
  const modifiers = new Set<string>();
  const addAll = (places: string): void => {
    for (const one of places) where.add(one as RewritePlace);
  };
  for (const flag of replacement.rest.replace(/[\t-\r ]+/g, "")) {
    if (flag === "h") addAll(HEADERS);
    else if (flag === "E") addAll("FT");
    else if (`${EVERYWHERE}S`.includes(flag)) addAll(flag);
    else if ("QqRw".includes(flag)) modifiers.add(flag);
    else throw new ValueError(`unknown rewrite flag "${flag}" (could be missing quotes round the replacement)`);
  }
  if (where.has("S") && !pattern.value.startsWith("^")) {
    throw new ValueError("the rewrite rule has the S flag but is not a regular expression");
  }
  if (where.size === 0) addAll(EVERYWHERE);
  return {
    place,
    pattern: pattern.value,
    replacement: replacement.value,
    where,
    isLast: modifiers.has("q"),
    isQualified: modifiers.has("Q"),
    isRepeated: modifiers.has("R"),
    isWhole: modifiers.has("w"),
  };
}

/** Reads a transport's `headers_rewrite`: rules separated by colons, for header lines only. @throws {ValueError} */
export function parseHeadersRewrite(text: string, place: Place): readonly RewriteRule[] {
  return splitPlainList(text).map((item) => {
    const rule = parseRewriteRule(item, place);
    const flags = firstItem(firstItem(item).rest).rest;
    if (/[FTES]/.test(flags)) throw new ValueError("a rewrite rule of a transport is for header lines only");
    return { ...rule, where: new Set([...rule.where].filter((one) => HEADERS.includes(one))) };
  });
}
