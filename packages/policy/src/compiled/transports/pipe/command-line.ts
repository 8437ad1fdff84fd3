import { compileExpansion } from "../../../expansion/compile-expansion.ts";
import type { Evaluation } from "../../../expansion/evaluation.ts";
import type { Expansion } from "../../../expansion/expansion.ts";
import { dequoted } from "../../../expansion/fields.ts";
import { Source } from "../../../expansion/source.ts";
import { Tainted, textOf, type Value } from "../../../expansion/value.ts";
import { deferredBy, expandOption, failedBy, type Refusal } from "../local/refusal.ts";

/** A program with its arguments, its name first. */
export interface CommandLine {
  readonly kind: "command";
  readonly words: readonly string[];
}

/** Words of one command line; more is a mistake. */
const MAX_WORDS = 1_000;

/** Stand for several words: all the addresses that a command is run for; the command that a redirect list names. */
const ADDRESSES = /^\$(?:pipe_addresses|\{pipe_addresses\})$/;
const ADDRESS_PIPE = /^\$(?:address_pipe|\{address_pipe\})$/;

interface CommandParts {
  /** For `$pipe_addresses`. */
  readonly addresses: readonly string[];
  /** For `$address_pipe`. */
  readonly pipe: Value | undefined;
}

/**
 * The words of a command, as they stand: split at blanks, whatever braces say; a word that begins with a quote ends at the
 * next one, with escapes in double quotes (Exim's manual, "The pipe transport": "How the command is run").
 */
export function commandWords(text: string): string[] {
  const source = new Source(text);
  const words: string[] = [];
  for (source.skipBlanks(); source.peek() !== "" && words.length <= MAX_WORDS; source.skipBlanks()) {
    if (source.peek() === '"') words.push(dequoted(source));
    else if (source.peek() === "'") words.push(source.match(/'[^']*'?/y).replace(/^'|'$/g, ""));
    else words.push(source.match(/[^\t-\r ]+/y));
  }
  return words;
}

/** The command of an option: it is split before anything is expanded, so what a peer has chosen is never two words. */
export class CommandOption {
  readonly #text: string;
  readonly #place: string;
  readonly #words: readonly (Expansion | keyof CommandParts)[];

  /** @param place Whose it is, in problems: `t transport`. */
  constructor(text: string, place: string) {
    this.#text = text;
    this.#place = place;
    this.#words = commandWords(text).map((word) => {
      if (ADDRESSES.test(word)) return "addresses";
      return ADDRESS_PIPE.test(word) ? "pipe" : compileExpansion(word);
    });
  }

  async at(evaluation: Evaluation, { addresses, pipe = "" }: CommandParts): Promise<CommandLine | Refusal> {
    const words: string[] = [];
    for (const word of this.#words) {
      if (typeof word === "string") {
        const more = word === "addresses" ? addresses : commandWords(textOf(pipe));
        if (word === "pipe" && pipe instanceof Tainted) return this.#tainted(words.length, more[0] ?? "");
        words.push(...more);
        continue;
      }
      const found = await expandOption(word, evaluation);
      if (found.kind === "unexpanded") {
        const where = `from command "${this.#text}" in ${this.#place} failed`;
        return deferredBy(`Expansion of "${word.source}" ${where}: ${found.text}`);
      }
      if (found.value instanceof Tainted) {
        return this.#tainted(words.length, found.value.text);
      }
      words.push(found.value);
    }
    return { kind: "command", words };
  }

  #tainted(position: number, word: string): Refusal {
    return failedBy(`Tainted arg ${position} for ${this.#place} command: '${word}'`);
  }
}

/** The same for `use_shell`: one string for `/bin/sh -c`. The addresses come in as they are. */
export class ShellCommandOption {
  readonly #text: string;
  readonly #place: string;
  readonly #parts: readonly Expansion[];

  constructor(text: string, place: string) {
    this.#text = text;
    this.#place = place;
    this.#parts = text.split(/\$pipe_addresses\b|\$\{pipe_addresses\}/).map((part) => compileExpansion(part));
  }

  async at(evaluation: Evaluation, { addresses }: CommandParts): Promise<CommandLine | Refusal> {
    const texts: string[] = [];
    for (const part of this.#parts) {
      const found = await expandOption(part, evaluation);
      if (found.kind === "unexpanded") {
        return deferredBy(`Expansion of command "${this.#text}" in ${this.#place} failed: ${found.text}`);
      }
      texts.push(textOf(found.value));
    }
    return { kind: "command", words: ["/bin/sh", "-c", texts.join(addresses.join(" "))] };
  }
}
