import { Pcre2Regex } from "./pcre2-regex.ts";
import type { Regex, RegexOptions } from "./regex.ts";

/** Patterns that were asked for last, the oldest first: those made by an expansion come again and again. */
const recent = new Map<string, Regex>();
const MAX_RECENT = 1000;
/** Longer ones are compiled each time: 1 MB are kept at most. */
const MAX_RECENT_OCTETS = 1000;

/**
 * Compiles a pattern in PCRE2's language, which is Exim's. Options of Exim's are PCRE2's defaults: `.` matches no line
 * feed, `^` and `$` stand for the ends of the whole subject, letters and classes are ASCII's.
 *
 * @throws {RegexError} the pattern is none.
 * @throws {RegexLimitError} it has more than 64 KiB, or its compilation takes too long.
 */
export function compileRegex(pattern: string, options: RegexOptions = {}): Regex {
  if (pattern.length > MAX_RECENT_OCTETS) return new Pcre2Regex(pattern, options);
  const key = `${options.caseless === true ? "i" : "-"}${pattern}`;
  const regex = recent.get(key) ?? new Pcre2Regex(pattern, options);
  recent.delete(key);
  recent.set(key, regex);
  if (recent.size > MAX_RECENT) {
    for (const oldest of recent.keys()) {
      recent.delete(oldest);
      break;
    }
  }
  return regex;
}
