import type { TestCode } from "./code.ts";
import type { Parser } from "./parser.ts";

/** What stands after `${if`; the name decides how the rest is read. */
export interface Condition {
  readonly name: string;
  /** Reads its arguments; the source is behind the name. */
  compile(parser: Parser): TestCode;
}

export type Conditions = ReadonlyMap<string, Condition>;
