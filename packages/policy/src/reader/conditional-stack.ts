import { ValueError } from "./value-error.ts";

/** The words of the `.ifdef` family; they are recognised in lower case only, followed by a blank or nothing. */
export const CONDITIONAL = /^\.(ifdef|ifndef|elifdef|elifndef|else|endif)(?=[\t-\r ]|$)/;

/** One `.ifdef`: this branch is read, a later one may be, or none of the rest. */
type Branch = "taken" | "waiting" | "done";

/** Deeper than any file needs; without a limit a generated one could hold memory at will. */
const MAX_DEPTH = 1_000;

/** `.ifdef … .elifdef … .else … .endif`, nested (Exim's manual, "Conditional skips in the configuration file"). */
export class ConditionalStack {
  readonly #branches: Branch[] = [];
  /** `.ifdef`s inside of a branch that is not read: their words only have to be counted. */
  #skippedDepth = 0;

  /** Whether ordinary lines are read here. */
  get isReading(): boolean {
    return this.#skippedDepth === 0 && (this.#branches.length === 0 || this.#branches.at(-1) === "taken");
  }

  get isOpen(): boolean {
    return this.#branches.length > 0;
  }

  /** @param word One of those of `CONDITIONAL`. @param isDefined Whether a macro was replaced in the rest of the line. @throws {ValueError} */
  apply(word: string, isDefined: boolean): void {
    const isTrue = word === "else" || isDefined !== word.endsWith("ndef");
    if (word.startsWith("if")) this.#open(isTrue);
    else if (word === "endif") this.#close();
    else this.#next(word, isTrue);
  }

  #open(isTrue: boolean): void {
    if (this.#branches.length + this.#skippedDepth >= MAX_DEPTH) throw new ValueError(".ifdef is nested too deeply");
    if (this.isReading) this.#branches.push(isTrue ? "taken" : "waiting");
    else this.#skippedDepth++;
  }

  #next(word: string, isTrue: boolean): void {
    if (this.#skippedDepth > 0) return;
    const current = this.#branches.pop();
    if (current === undefined) throw new ValueError(`.${word} without matching .ifdef`);
    this.#branches.push(current === "waiting" ? (isTrue ? "taken" : "waiting") : "done");
  }

  #close(): void {
    if (this.#skippedDepth > 0) this.#skippedDepth--;
    else if (this.#branches.pop() === undefined) throw new ValueError(".endif without matching .ifdef");
  }
}
