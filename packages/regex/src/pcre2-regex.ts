import { currentEngine } from "./current-engine.ts";
import { type Code, PCRE2_ANCHORED, PCRE2_CASELESS, PCRE2_NOTEMPTY, type Pcre2 } from "./pcre2.ts";
import type { Regex, RegexMatch, RegexOptions } from "./regex.ts";

/** What it costs to hand a group over, in the engine's steps: a series of matches may have thousands in each. */
const STEPS_PER_GROUP = 4;

/** A pattern with its code in the engine that compiled it last. */
export class Pcre2Regex implements Regex {
  readonly groupCount: number;
  readonly #pattern: string;
  readonly #options: number;
  #engine: Pcre2;
  #code: Code;

  /** @throws {RegexError} @throws {RegexLimitError} */
  constructor(pattern: string, options: RegexOptions) {
    this.#pattern = pattern;
    this.#options = options.caseless === true ? PCRE2_CASELESS : 0;
    this.#engine = currentEngine();
    this.#code = this.#engine.compile(pattern, this.#options);
    this.groupCount = this.#code.groupCount;
  }

  get stepsTaken(): number {
    return this.#engine.stepsTaken;
  }

  exec(subject: string, from = 0): RegexMatch | undefined {
    return this.#match(subject, from, 0);
  }

  *matchAll(subject: string): Generator<RegexMatch> {
    let from = 0;
    let options = 0;
    let steps: number | undefined;
    while (from <= subject.length) {
      const match = this.#match(subject, from, options, steps);
      steps = this.#engine.stepsLeft - STEPS_PER_GROUP * (this.groupCount + 1);
      if (match !== undefined) {
        yield match;
        from = match.end;
        options = match.end === match.index ? PCRE2_NOTEMPTY | PCRE2_ANCHORED : 0;
      } else if (options !== 0) {
        from++;
        options = 0;
      } else return;
    }
  }

  #match(subject: string, from: number, options: number, steps?: number): RegexMatch | undefined {
    if (this.#engine.isSpent) {
      this.#engine = currentEngine();
      this.#code = this.#engine.compile(this.#pattern, this.#options);
    }
    const engine = this.#engine;
    if (!engine.match(this.#code, subject, from, options, steps)) return undefined;
    const groups: (string | undefined)[] = [];
    for (let group = 0; group <= this.groupCount; group++) {
      const start = engine.offset(2 * group);
      groups.push(start === undefined ? undefined : subject.slice(start, engine.offset(2 * group + 1)));
    }
    return { index: engine.offset(0) ?? from, end: engine.offset(1) ?? from, groups };
  }
}
