import type { LogicalLine } from "./line-reader.ts";
import type { ProblemList } from "./problem.ts";
import { parseRewriteRule, type RewriteRule } from "./rewrite-rule.ts";
import type { Section } from "./section.ts";
import { ValueError } from "./value-error.ts";

/** Reads `begin rewrite`: one rule a line, applied in this order. */
export class RewriteSection implements Section {
  readonly rules: RewriteRule[] = [];
  readonly #problems: ProblemList;

  constructor(problems: ProblemList) {
    this.#problems = problems;
  }

  line({ place, text }: LogicalLine): void {
    try {
      this.rules.push(parseRewriteRule(text, place));
    } catch (err) {
      if (!(err instanceof ValueError)) throw err;
      this.#problems.error(place, err.message);
    }
  }

  end(): void {
    // Nothing is left over: each line is a rule.
  }
}
