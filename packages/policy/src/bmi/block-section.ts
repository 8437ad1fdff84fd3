import type { OptionTable } from "../options/option.ts";
import type { LogicalLine } from "../reader/line-reader.ts";
import { OptionCollector } from "../reader/option-collector.ts";
import type { OptionSet } from "../reader/option-set.ts";
import type { Place, ProblemList } from "../reader/problem.ts";
import type { Section } from "../reader/section.ts";
import { parseSettingLine } from "../reader/setting-line.ts";

/** A name with the options below it. */
export interface Block<T extends OptionTable> {
  readonly name: string;
  /** Its first line. */
  readonly place: Place;
  readonly options: OptionSet<T>;
}

interface OpenBlock {
  readonly name: string;
  readonly place: Place;
  readonly collector: OptionCollector;
}

const HEADER = /^([A-Za-z0-9_-]+)[\t-\r ]*:[\t-\r ]*([\s\S]*)$/;

/** A section of blocks that are all of one kind. */
export class BlockSection<T extends OptionTable> implements Section {
  readonly #noun: string;
  readonly #table: T;
  readonly #problems: ProblemList;
  readonly #blocks = new Map<string, Block<T>>();
  #open: OpenBlock | undefined;

  /** @param noun Of one of them, for problems. */
  constructor(noun: string, table: T, problems: ProblemList) {
    this.#noun = noun;
    this.#table = table;
    this.#problems = problems;
  }

  /** Those that are complete, in the order of the file. */
  get blocks(): readonly Block<T>[] {
    return [...this.#blocks.values()];
  }

  line({ text, place }: LogicalLine): void {
    const [, name, rest = ""] = HEADER.exec(text) ?? [];
    if (name !== undefined) {
      this.#begin(name, rest, place);
      return;
    }
    const setting = parseSettingLine(text);
    if (this.#open === undefined) this.#problems.error(place, `${this.#noun} name missing`);
    else if (setting === undefined) {
      this.#problems.error(place, `${this.#noun} ${this.#open.name}: option setting expected: ${text.slice(0, 60)}`);
    } else this.#open.collector.add(setting, place, this.#table);
  }

  end(): void {
    if (this.#open === undefined) return;
    const { name, place, collector } = this.#open;
    if (!this.#blocks.has(name)) this.#blocks.set(name, { name, place, options: collector.finish(this.#table) });
    this.#open = undefined;
  }

  #begin(name: string, rest: string, place: Place): void {
    this.end();
    if (rest !== "") this.#problems.error(place, `characters after the ${this.#noun} name ${name}`);
    if (this.#blocks.has(name)) this.#problems.error(place, `there are two ${this.#noun}s called "${name}"`);
    const collector = new OptionCollector(`${this.#noun} ${name}`, this.#problems, () => undefined);
    this.#open = { name, place, collector };
  }
}
