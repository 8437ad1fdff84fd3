import { domainToASCII } from "node:url";

/**
 * The list of public suffixes in Mozilla's format (publicsuffix.org, "Format"): a rule a line, up to the first blank;
 * `*` stands for one label, `!` makes an exception; what begins with `//` is a comment. Rules that are no names are
 * passed over.
 */
export class PublicSuffixes {
  readonly #rules = new Set<string>();

  constructor(text: string) {
    for (const line of text.split("\n")) {
      const [rule = ""] = line.trim().split(/\s/);
      if (rule === "" || rule.startsWith("//")) continue;
      const kind = rule.startsWith("!") ? "!" : rule.startsWith("*.") ? "*." : "";
      const name = domainToASCII(rule.slice(kind.length).replace(/^\./, ""));
      if (name !== "") this.#rules.add(`${kind}${name}`);
    }
  }

  /** Rules in it: a file without any is none. */
  get size(): number {
    return this.#rules.size;
  }

  /**
   * The domain that somebody has registered (RFC 7489 §3.2): the public suffix, and one label before it. Of a public
   * suffix, itself.
   *
   * @param domain Lower case, A-labels.
   */
  organizationOf(domain: string): string {
    const labels = domain.split(".");
    for (let at = 0; at < labels.length; at++) {
      const rest = labels.slice(at).join(".");
      const parent = labels.slice(at + 1).join(".");
      // An exception is stronger than the wildcard that it is one of: its parent is the suffix.
      if (this.#rules.has(`!${rest}`)) return rest;
      if (this.#rules.has(rest) || (parent !== "" && this.#rules.has(`*.${parent}`))) {
        return labels.slice(Math.max(0, at - 1)).join(".");
      }
    }
    // The rule that holds where none does: "*".
    return labels.slice(-2).join(".");
  }
}
