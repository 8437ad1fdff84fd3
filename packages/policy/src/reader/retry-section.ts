import type { LogicalLine } from "./line-reader.ts";
import type { ProblemList } from "./problem.ts";
import { parseRetryRule, type RetryRule } from "./retry-rule.ts";
import type { Section } from "./section.ts";
import { ValueError } from "./value-error.ts";

/** Reads `begin retry`: one rule a line, the first that fits is used. */
export class RetrySection implements Section {
  readonly rules: RetryRule[] = [];
  readonly #problems: ProblemList;

  constructor(problems: ProblemList) {
    this.#problems = problems;
  }

  line({ place, text }: LogicalLine): void {
    try {
      this.rules.push(parseRetryRule(text, place));
    } catch (err) {
      if (!(err instanceof ValueError)) throw err;
      this.#problems.error(place, err.message);
    }
  }

  end(): void {
    // Nothing is left over: each line is a rule.
  }
}
