import { trim, trimEnd } from "@postbus/mail";
import { CONDITIONAL, ConditionalStack } from "./conditional-stack.ts";
import { MACRO_DEFINITION, type MacroTable } from "./macro-table.ts";
import type { Place, ProblemList } from "./problem.ts";
import { MissingFile, type ReadFile, type SourceFile, SourceFiles } from "./source-files.ts";
import { ValueError } from "./value-error.ts";

/** A line as the sections see it: continuations joined, macros replaced, comments and directives gone. */
export interface LogicalLine {
  /** Its first physical line. */
  readonly place: Place;
  readonly text: string;
}

/** A logical line that is put together of more than this is a file that is none. */
const MAX_LINE_OCTETS = 1024 * 1024;

const INCLUDE = /^\.include(_if_exists)?(?=[\t-\r ]|$)[\t-\r ]*(.*)$/s;

/**
 * Reads a configuration line by line (Exim's manual, "Configuration file format"). The order of the steps is Exim's and
 * can be observed: a macro may bring a comment sign or a directive, and comments and directives may stand between the
 * pieces of a continued line. Other than in Exim, a macro may be defined at the start of any line of any section.
 */
export class LineReader {
  readonly #sources: SourceFiles;
  readonly #macros: MacroTable;
  readonly #problems: ProblemList;
  readonly #conditionals = new ConditionalStack();
  #isAtEnd = false;

  constructor(options: {
    readonly file: string;
    readonly readFile: ReadFile;
    readonly macros: MacroTable;
    readonly problems: ProblemList;
  }) {
    this.#sources = new SourceFiles(options.file, options.readFile);
    this.#macros = options.macros;
    this.#problems = options.problems;
  }

  /** Every file that was read or looked for so far. */
  get files(): readonly SourceFile[] {
    return this.#sources.files;
  }

  /** The next line that is not empty; undefined at the end, and from then on. */
  next(): LogicalLine | undefined {
    for (;;) {
      const line = this.#logicalLine();
      if (line === undefined) return undefined;
      const definition = MACRO_DEFINITION.exec(line.text);
      if (definition === null) return line;
      const [head, name = "", sign] = definition;
      this.#try(line.place, () => this.#macros.define(name, line.text.slice(head.length), sign === "=="));
    }
  }

  #logicalLine(): LogicalLine | undefined {
    let place: Place | undefined;
    const pieces: string[] = [];
    let octets = 0;
    for (;;) {
      const piece = this.#physicalLine(place !== undefined);
      if (piece === undefined) {
        this.#end();
        const text = trimEnd(pieces.join(""));
        return place === undefined || text === "" ? undefined : { place, text };
      }
      const goesOn = piece.endsWith("\\");
      place ??= this.#sources.place;
      pieces.push(goesOn ? piece.slice(0, -1) : piece);
      octets += piece.length;
      if (octets > MAX_LINE_OCTETS) {
        this.#problems.error(place, `the line is longer than ${MAX_LINE_OCTETS} octets`);
        return { place, text: pieces[0] ?? "" };
      }
      if (goesOn) continue;
      const text = trimEnd(pieces.join(""));
      if (text !== "") return { place, text };
      pieces.length = 0;
      octets = 0;
      place = undefined;
    }
  }

  /** The next physical line that is neither a comment nor a directive nor skipped, without blanks around it. */
  #physicalLine(isContinued: boolean): string | undefined {
    for (;;) {
      const source = this.#sources.next();
      if (source === undefined) return undefined;
      const raw = trim(source);
      // A line that is skipped is not looked at, except for what can end the skipping.
      if (!this.#conditionals.isReading && !mayBeDirective(raw)) continue;
      const { text, count } = this.#substitute(raw, isContinued);
      if (text.startsWith("#")) continue;
      if (text.startsWith(".") && this.#directive(text, count > 0)) continue;
      if (this.#conditionals.isReading) return text;
    }
  }

  #substitute(raw: string, isContinued: boolean): { readonly text: string; readonly count: number } {
    // The name that is being defined is not replaced, what it stands for is.
    const head = isContinued ? "" : (MACRO_DEFINITION.exec(raw)?.[0] ?? "");
    const result = this.#try(this.#sources.place, () => this.#macros.substitute(raw.slice(head.length)));
    if (result === undefined) return { text: "", count: 0 };
    return { text: result.count === 0 ? raw : trim(head + result.text), count: result.count };
  }

  /** @returns whether the line was one. */
  #directive(text: string, isDefined: boolean): boolean {
    const [head, word] = CONDITIONAL.exec(text) ?? [];
    if (head !== undefined && word !== undefined) {
      this.#try(this.#sources.place, () => this.#conditionals.apply(word, isDefined));
      return true;
    }
    const include = INCLUDE.exec(text);
    if (include === null) return false;
    if (!this.#conditionals.isReading) return true;
    const [, ifExists, rest = ""] = include;
    const name = /^"(.*)"$/s.exec(rest)?.[1] ?? rest;
    this.#try(this.#sources.place, () => {
      if (ifExists === undefined) this.#sources.include(name);
      else this.#sources.includeIfExists(name);
    });
    return true;
  }

  #end(): void {
    if (this.#isAtEnd) return;
    this.#isAtEnd = true;
    if (this.#conditionals.isOpen) this.#problems.error(this.#sources.place, "end of the file: .endif is missing");
  }

  #try<T>(place: Place, action: () => T): T | undefined {
    try {
      return action();
    } catch (err) {
      if (err instanceof MissingFile) this.#problems.machine(place, err.message);
      else if (err instanceof ValueError) this.#problems.error(place, err.message);
      else throw err;
      return undefined;
    }
  }
}

/** In a branch that is not read: could the line, also after its macros are replaced, be a directive? */
function mayBeDirective(raw: string): boolean {
  return raw.startsWith(".") || /^[A-Z_]/.test(raw);
}
