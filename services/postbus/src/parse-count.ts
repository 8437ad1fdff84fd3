import { UsageError } from "./command.ts";

/** A number of things on the command line: from 1 to a billion. @throws {UsageError} */
export function parseCount(text: string, option: string): number {
  if (!/^[1-9]\d{0,9}$/.test(text)) throw new UsageError(`${option} ${text}: must be a number above 0`);
  return Number(text);
}
