import type { Code } from "./code.ts";
import { ExpansionFailure } from "./failures.ts";
import type { ListCode, Parser } from "./parser.ts";

/** An argument that may not be missing. */
export function required(parser: Parser, item: string): Code {
  return parser.argument() ?? missing(item);
}

/** A list that may not be missing. */
export function requiredList(parser: Parser, item: string): ListCode {
  return parser.list() ?? missing(item);
}

/** @throws {ExpansionFailure} always. */
function missing(item: string): never {
  throw new ExpansionFailure(`missing { after "${item}"`);
}
