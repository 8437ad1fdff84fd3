import type { Option, OptionTable, OptionType, OptionValue } from "../options/option.ts";
import type { Place } from "./problem.ts";

/** One option as it is set in the file. */
export interface Setting {
  readonly place: Place;
  readonly value: OptionValue;
  /** `hide`: not to be shown. */
  readonly isHidden: boolean;
}

/** What `get` gives: undefined only where the option has no default. */
export type ValueIn<T extends OptionTable, N extends keyof T> =
  T[N] extends Option<infer Y extends OptionType, infer D>
    ? OptionValue<Y> | (undefined extends D ? undefined : never)
    : never;

/** The options of one section or driver: what the file sets, and the defaults of the table for the rest. Immutable. */
export class OptionSet<T extends OptionTable> {
  readonly #table: T;
  readonly #settings: ReadonlyMap<string, Setting>;

  constructor(table: T, settings: ReadonlyMap<string, Setting>) {
    this.#table = table;
    this.#settings = settings;
  }

  /** The value: as set, or the default. */
  get<N extends keyof T & string>(name: N): ValueIn<T, N> {
    const setting = this.#settings.get(name);
    // The reader puts only values of the row's type here; the table's defaults are checked by the compiler.
    return (setting === undefined ? this.#table[name]?.value : setting.value) as ValueIn<T, N>;
  }

  /** Whether and where the file sets it. */
  setting<N extends keyof T & string>(name: N): Setting | undefined {
    return this.#settings.get(name);
  }

  /** Everything that the file sets, in its order. */
  get settings(): ReadonlyMap<string, Setting> {
    return this.#settings;
  }

  get table(): T {
    return this.#table;
  }
}
