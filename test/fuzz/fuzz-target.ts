import type { Chance } from "./chance.ts";

/** Something that takes what peers send. */
export interface FuzzTarget {
  readonly name: string;
  /** So many inputs are tried by `npm test`. */
  readonly shortCount: number;
  /** Makes an input and tries it. @throws {Error} what must never happen has happened. */
  tryOne(chance: Chance): void | Promise<void>;
}
