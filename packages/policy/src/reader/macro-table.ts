import { MacroIndex } from "./macro-index.ts";
import { ValueError } from "./value-error.ts";

/** `NAME = value` and `NAME == value`, which redefines. */
export const MACRO_DEFINITION = /^([A-Z][A-Za-z0-9_]*)[\t-\r ]*(==?)[\t-\r ]*/;

/** As in Exim. It also bounds the walk through the tree of names. */
const MAX_NAME_OCTETS = 63;
const NAME = /^[A-Z][A-Za-z0-9_]*$/;
/** The first thing in a line that can begin a macro's name. */
const FIRST_START = /[A-Z]|_[A-Z]/;
/** What a line may grow to by replacing: far above any real one, far below what a doubling macro would make of it. */
const MAX_LINE_OCTETS = 1024 * 1024;
/** Characters looked at for macros, or put in for them, in one run: no set of macros, however made, holds up a reload. */
const MAX_WORK = 50_000_000;

interface Macro {
  readonly name: string;
  value: string;
  readonly isFromOutside: boolean;
  isUsed: boolean;
}

/** Macros in the order of their definition, and where to find them in a text. */
interface MacroGroup {
  readonly macros: Macro[];
  readonly index: MacroIndex;
}

/**
 * Macros: plain text replacement in the order of definition, inside longer words too; what a macro puts in is seen by
 * those defined after it (Exim's manual, "Macros in the configuration file").
 */
export class MacroTable {
  /** Those given and those of the file. */
  readonly #own: MacroGroup = { macros: [], index: new MacroIndex() };
  readonly #makePredefined: () => ReadonlyMap<string, string>;
  /** There are a thousand, and most files use none: made when a line asks for one. */
  #predefined: MacroGroup | undefined;
  /** Characters looked at and put in so far. */
  #work = 0;

  /**
   * @param predefined Names that begin with `_`. As in Exim, they are replaced in a line only if the first thing there
   *   that could be a macro begins with `_`.
   * @param given Win over definitions of the same name in the file.
   * @throws {ValueError} if a given name cannot be one.
   */
  constructor(predefined: () => ReadonlyMap<string, string>, given: ReadonlyMap<string, string>) {
    this.#makePredefined = predefined;
    for (const [name, value] of given) {
      if (!NAME.test(name) || name.length > MAX_NAME_OCTETS) {
        throw new ValueError(`macro given from outside: "${name}" is not a macro name`);
      }
      add(this.#own, { name, value, isFromOutside: true, isUsed: false });
    }
  }

  /** @param isAgain `==`: the name must be defined; with `=` it must not be. @throws {ValueError} */
  define(name: string, value: string, isAgain: boolean): void {
    if (name.length > MAX_NAME_OCTETS) throw new ValueError(`macro name longer than ${MAX_NAME_OCTETS} characters`);
    const { macros, index } = this.#own;
    const old = macros[index.get(name) ?? -1];
    if (old?.isFromOutside === true) {
      old.isUsed = true;
      return;
    }
    if (old !== undefined) {
      if (!isAgain) throw new ValueError(`macro "${name}" is already defined (use == to redefine it)`);
      old.value = value;
      return;
    }
    if (isAgain) throw new ValueError(`macro "${name}" is not defined: "==" redefines only`);
    // The shorter name would be replaced inside the longer one wherever that is used.
    const part = macros[index.earliest(name, 0, MAX_WORK).found];
    if (part !== undefined) {
      throw new ValueError(
        `"${name}" cannot be a macro: the macro "${part.name}" is a substring of it (define the longer one first)`,
      );
    }
    add(this.#own, { name, value, isFromOutside: false, isUsed: false });
  }

  /**
   * The text with every macro replaced, each once, in the order of definition; and how many different ones there were.
   *
   * @throws {ValueError} if the text becomes too long, or all texts together took too much work.
   */
  substitute(text: string): { readonly text: string; readonly count: number } {
    const start = FIRST_START.exec(text)?.[0];
    if (start === undefined) return { text, count: 0 };
    const own = this.#own;
    if (!start.startsWith("_")) return this.#replace(text, own);
    const first = this.#replace(text, this.#predefinedGroup());
    const second = this.#replace(first.text, own);
    return { text: second.text, count: first.count + second.count };
  }

  /** Those of the file and those given, with their values at the end of the file. */
  definitions(): ReadonlyMap<string, string> {
    return new Map(this.#own.macros.map(({ name, value }) => [name, value]));
  }

  /** Given from outside, but neither defined nor used in the file. */
  unusedFromOutside(): string[] {
    return this.#own.macros.filter((macro) => macro.isFromOutside && !macro.isUsed).map(({ name }) => name);
  }

  #replace(text: string, { macros, index }: MacroGroup): { readonly text: string; readonly count: number } {
    let result = text;
    let count = 0;
    for (let from = 0; from < macros.length; ) {
      const { found, work } = index.earliest(result, from, MAX_WORK - this.#work);
      this.#work += work;
      if (this.#work >= MAX_WORK) {
        throw new ValueError("replacing macros takes too long: too many of them in long lines");
      }
      const macro = macros[found];
      if (macro === undefined) break;
      result = replaceAll(result, macro);
      this.#work += result.length;
      macro.isUsed = true;
      count++;
      from = found + 1;
    }
    return { text: result, count };
  }

  #predefinedGroup(): MacroGroup {
    if (this.#predefined === undefined) {
      this.#predefined = { macros: [], index: new MacroIndex() };
      for (const [name, value] of this.#makePredefined()) {
        add(this.#predefined, { name, value, isFromOutside: false, isUsed: false });
      }
    }
    return this.#predefined;
  }
}

function add({ macros, index }: MacroGroup, macro: Macro): void {
  index.add(macro.name, macros.length);
  macros.push(macro);
}

function replaceAll(text: string, { name, value }: Macro): string {
  const parts = text.split(name);
  if (text.length + (parts.length - 1) * (value.length - name.length) > MAX_LINE_OCTETS) {
    throw new ValueError(
      `the line is longer than ${MAX_LINE_OCTETS} octets when the macro "${name}" is replaced in it`,
    );
  }
  return parts.join(value);
}
