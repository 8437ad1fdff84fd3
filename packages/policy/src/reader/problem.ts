import { suggestName } from "./suggest-name.ts";

/** Where something stands in the configuration. Line 0: the file as a whole, or what was given beside the file. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

/**
 * `error`: the configuration cannot be used. `machine`: it can, but not on this machine, where an account or a file is
 * missing; `check --portable` tolerates that. `notice`: it can be used, and this is worth knowing.
 */
export type ProblemKind = "error" | "machine" | "notice";

export interface Problem {
  readonly kind: ProblemKind;
  readonly place: Place;
  readonly text: string;
}

/** Looking for near names takes a while; who has more misspelt ones than this has another problem. */
const MAX_SUGGESTIONS = 50;
/** A file that is no configuration at all gives one problem a line; nobody reads more than this. */
const MAX_PROBLEMS = 1_000;
const MAX_TEXT_CHARACTERS = 400;

/** What is found while a configuration is read; all of it, so that an operator repairs a file in one go. */
export class ProblemList {
  readonly #problems: Problem[] = [];
  #suggestions = 0;

  get all(): readonly Problem[] {
    return this.#problems;
  }

  error(place: Place, text: string): void {
    this.#add({ kind: "error", place, text });
  }

  machine(place: Place, text: string): void {
    this.#add({ kind: "machine", place, text });
  }

  notice(place: Place, text: string): void {
    this.#add({ kind: "notice", place, text });
  }

  /** ` (did you mean x?)`, to be put behind a problem; nothing if no name is near, or after many of them. */
  suggest(name: string, names: () => Iterable<string>): string {
    return this.#suggestions++ < MAX_SUGGESTIONS ? suggestName(name, names()) : "";
  }

  #add(problem: Problem): void {
    if (this.#problems.length < MAX_PROBLEMS) this.#problems.push({ ...problem, text: shorten(problem.text) });
    else if (this.#problems.length === MAX_PROBLEMS) {
      this.#problems.push({
        ...problem,
        kind: "error",
        text: `more than ${MAX_PROBLEMS} problems: the rest is not shown`,
      });
    }
  }
}

/** What is wrong may be a megabyte long; who reads of it needs its beginning. */
function shorten(text: string): string {
  return text.length <= MAX_TEXT_CHARACTERS ? text : `${text.slice(0, MAX_TEXT_CHARACTERS)}…`;
}

/** By file, in the order in which the files were read, and line. */
export function inOrder(problems: readonly Problem[], files: readonly { readonly path: string }[]): Problem[] {
  const ranks = new Map(files.map(({ path }, i) => [path, i]));
  const rank = ({ place }: Problem): number => ranks.get(place.file) ?? files.length;
  return problems.toSorted((a, b) => rank(a) - rank(b) || a.place.line - b.place.line);
}

/** `file:line`, as it is shown in problems, traces and logs. */
export function formatPlace({ file, line }: Place): string {
  return line === 0 ? file : `${file}:${line}`;
}

/** `file:line: text`. */
export function formatProblem({ place, text }: Problem): string {
  return `${formatPlace(place)}: ${text}`;
}
