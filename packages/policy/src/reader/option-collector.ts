import type { Option, OptionTable, OptionType, OptionValue } from "../options/option.ts";
import { OptionSet, type Setting } from "./option-set.ts";
import { readOptionValue } from "./option-value.ts";
import type { Place, ProblemList } from "./problem.ts";
import type { SettingLine } from "./setting-line.ts";
import { ValueError } from "./value-error.ts";

/** Collects the options of one section or driver, and everything that is wrong with them. */
export class OptionCollector {
  readonly #subject: string;
  readonly #problems: ProblemList;
  readonly #noteIgnored: (name: string, place: Place) => void;
  readonly #settings = new Map<string, Setting>();
  /** The values of options that may be set several times. */
  readonly #lines = new Map<string, string[]>();
  /** Names as they were written: another name of the same option may be set besides it, as in Exim. */
  readonly #seen = new Set<string>();

  /**
   * @param subject In front of each problem: `router "x"`; empty for the main section.
   * @param noteIgnored Is told of each option that is taken and has no meaning here.
   */
  constructor(subject: string, problems: ProblemList, noteIgnored: (name: string, place: Place) => void) {
    this.#subject = subject === "" ? "" : `${subject}: `;
    this.#problems = problems;
    this.#noteIgnored = noteIgnored;
  }

  /** Takes a line whose option is in one of the tables; a line that is wrong becomes a problem. */
  add(line: SettingLine, place: Place, ...tables: readonly OptionTable[]): void {
    const { name, isNegated, option } = find(line.name, tables);
    if (option === undefined) {
      const near = this.#problems.suggest(line.name, () => tables.flatMap((table) => Object.keys(table)));
      this.#error(place, `option "${line.name}" unknown${near}`);
      return;
    }
    if (this.#seen.has(name) && option.type !== "lines*") {
      this.#error(place, `"${name}" option set for the second time`);
      return;
    }
    this.#seen.add(name);
    try {
      const value = read(line, option, isNegated);
      const wrong = typeof value === "string" && isKnown(option.type, value) ? option.check?.(value) : undefined;
      if (wrong !== undefined) throw new ValueError(wrong);
      this.#take(name, option, { place, value, isHidden: line.isHidden });
    } catch (err) {
      if (!(err instanceof ValueError)) throw err;
      this.#error(place, `${line.name}: ${err.message}`);
    }
  }

  /** Everything so far, with the defaults of the table. */
  finish<T extends OptionTable>(table: T): OptionSet<T> {
    return new OptionSet(table, this.#settings);
  }

  #take(name: string, option: Option, setting: Setting): void {
    const { status } = option;
    switch (status.kind) {
      case "alias":
        for (const target of status.of) this.#settings.set(target, setting);
        return;
      case "later":
        if (!isNothing(setting.value)) throw new ValueError(`not available: ${status.what}`);
        return;
      case "refused":
        if (!isNothing(setting.value)) throw new ValueError(status.reason);
        return;
      case "ignored":
        this.#noteIgnored(name, setting.place);
        this.#set(name, option, setting);
        return;
      case "supported":
        this.#set(name, option, setting);
    }
  }

  #set(name: string, option: Option, setting: Setting): void {
    const lines = this.#lines.get(name);
    if (option.type !== "lines*") this.#settings.set(name, setting);
    else if (lines !== undefined) lines.push(...(setting.value as readonly string[]));
    else {
      const all = [...(setting.value as readonly string[])];
      this.#lines.set(name, all);
      this.#settings.set(name, { ...setting, value: all });
    }
  }

  #error(place: Place, text: string): void {
    this.#problems.error(place, this.#subject + text);
  }
}

/** What an expansion gives is known only when it is used. */
function isKnown(type: OptionType, text: string): boolean {
  return !type.endsWith("*") || !text.includes("$");
}

/** An option that is set to nothing asks for nothing, and may be set although its feature is not there. */
function isNothing(value: OptionValue): boolean {
  return value === "" || value === false || value === 0;
}

/** Boolean options may be written `no_name` and `not_name`. */
function find(
  written: string,
  tables: readonly OptionTable[],
): { readonly name: string; readonly isNegated: boolean; readonly option: Option | undefined } {
  const lookUp = (name: string) => tables.find((table) => Object.hasOwn(table, name))?.[name];
  const option = lookUp(written);
  if (option !== undefined) return { name: written, isNegated: false, option };
  const name = /^not?_(.*)$/.exec(written)?.[1];
  return name === undefined
    ? { name: written, isNegated: false, option }
    : { name, isNegated: true, option: lookUp(name) };
}

function read({ hasSign, text }: SettingLine, option: Option, isNegated: boolean): OptionValue {
  const isBoolean = option.type === "boolean" || option.type === "boolean*";
  if (isNegated && !isBoolean) throw new ValueError("a negation prefix is for boolean options only");
  if (isBoolean && !hasSign) {
    if (text !== "") throw new ValueError("characters after the name of a boolean option");
    return !isNegated;
  }
  if (isNegated) throw new ValueError("a negated option has no value");
  if (!hasSign) throw new ValueError(text === "" ? "a value is expected" : 'a "=" is expected');
  return readOptionValue(option.type, text);
}
