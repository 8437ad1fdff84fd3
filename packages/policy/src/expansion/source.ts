import { ExpansionFailure } from "./failures.ts";

/** Blank as C's `isspace` sees it. */
export const isSpace = (c: string): boolean => c === " " || (c >= "\t" && c <= "\r");

/** The text of a string that is being compiled, and how far it has been read. */
export class Source {
  readonly text: string;
  at = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** The next character; empty at the end. */
  peek(): string {
    return this.text.charAt(this.at);
  }

  get rest(): string {
    return this.text.slice(this.at);
  }

  skipBlanks(): void {
    while (this.at < this.text.length && isSpace(this.text.charAt(this.at))) this.at++;
  }

  /** Takes the character if it comes next. */
  take(character: string): boolean {
    if (this.peek() !== character) return false;
    this.at++;
    return true;
  }

  /** Takes what the pattern (sticky) matches here; empty if it does not. */
  match(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0] ?? "";
    this.at += found.length;
    return found;
  }

  /** @throws {ExpansionFailure} blanks aside, something else comes next. */
  expect(character: string, problem: () => string): void {
    this.skipBlanks();
    if (!this.take(character)) throw new ExpansionFailure(problem());
  }
}

/** A name: letters, digits and underscores. */
export const NAME = /[A-Za-z0-9_]*/y;
