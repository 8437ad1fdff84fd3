import type { Branches } from "./branches.ts";
import type { Code, TestCode } from "./code.ts";
import type { Source } from "./source.ts";

/** A list as the argument of an item or a condition. */
export interface ListCode {
  readonly code: Code;
  /**
   * The text begins with characters of the configuration, so that a `<;` at its start is the operator's choice of a
   * separator; what comes out of a variable may not choose one if it is tainted.
   */
  readonly hasOwnStart: boolean;
}

/** What items and conditions read their arguments with. Each method leaves the source behind what it has read. */
export interface Parser {
  readonly source: Source;
  /** Blanks, then `{…}`, expanded; undefined if no brace comes next. */
  argument(): Code | undefined;
  /** `{…}` as a list. */
  list(): ListCode | undefined;
  /** `{…}` whose dollars are literal and which ends at the first `}` that is not escaped. */
  literalArgument(): string | undefined;
  /**
   * The arguments of an item, with the brace that closes it.
   *
   * @throws {ExpansionFailure} there are fewer or more.
   */
  allArguments(name: string, min: number, max: number): Code[];
  /** A condition, after blanks. */
  condition(): TestCode;
  /** `{yes}{no}` and the brace that closes the item. */
  branches(name: string): Branches;
  /** The brace that closes the item. */
  close(): void;
  /** Another string, as if it stood by itself. */
  compile(text: string): Code;
}

/** `${name…}` that reads its own arguments. */
export interface Item {
  readonly name: string;
  /** Reads up to the brace that closes the item, inclusive. */
  compile(parser: Parser): Code;
}
