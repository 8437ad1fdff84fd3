import type { BlockFile } from "../block-file.ts";
import { domainLabels } from "./domain-labels.ts";

const CHUNK_OCTETS = 128 * 1024;
/** Longer than the longest domain, with a comment behind. */
const MAX_LINE_OCTETS = 4096;

/** What a rule says of a domain that ends with its labels. */
type Rule = "plain" | "wildcard" | "exception";

/** The rules of a file in the form of publicsuffix.org. */
export class PublicSuffixList {
  /** By their labels, without `*.` and `!`. */
  readonly #rules = new Map<string, Set<Rule>>();

  static async read(file: BlockFile): Promise<PublicSuffixList> {
    const list = new PublicSuffixList();
    let carried = "";
    for (let at = 0; at < file.size; at += CHUNK_OCTETS) {
      const lines = (carried + (await file.readNow(at, CHUNK_OCTETS)).toString("latin1")).split("\n");
      carried = (lines.pop() ?? "").slice(0, MAX_LINE_OCTETS);
      for (const line of lines) list.#addLine(line);
    }
    list.#addLine(carried);
    return list;
  }

  /**
   * How many of a domain's labels are its public suffix; undefined: no rule matches. As in Exim a plain rule counts only
   * for names below it: the suffix of `co.uk` itself is `uk`.
   *
   * @param labels A-labels in lower case.
   */
  suffixLength(labels: readonly string[]): number | undefined {
    let longest: number | undefined;
    for (let length = 1; length <= Math.min(labels.length, MAX_LABELS); length++) {
      const rules = this.#rules.get(labels.slice(-length).join("."));
      if (rules === undefined) continue;
      if (rules.has("exception")) return length - 1;
      const isBelow = length < labels.length;
      if (rules.has("plain") && isBelow) longest = Math.max(longest ?? 0, length);
      if (rules.has("wildcard") && isBelow) longest = length + 1;
    }
    return longest;
  }

  /** A rule ends at the first blank (of ASCII: others are parts of letters); a line that begins with one has none. */
  #addLine(line: string): void {
    const rule = /^[^ \t-\r]*/.exec(line)?.[0] ?? "";
    if (rule === "" || rule.startsWith("//")) return;
    if (rule.startsWith("!")) this.#add(rule.slice(1), "exception");
    else if (rule.startsWith("*.")) this.#add(rule.slice(2), "wildcard");
    else this.#add(rule, "plain");
  }

  #add(domain: string, rule: Rule): void {
    const key = domainLabels(domain).compared.join(".");
    const rules = this.#rules.get(key);
    if (rules === undefined) this.#rules.set(key, new Set([rule]));
    else rules.add(rule);
  }
}

/** A domain has 255 octets (RFC 1035 §2.3.4), hence at most so many labels. */
const MAX_LABELS = 127;
