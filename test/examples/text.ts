import { readFileSync } from "node:fs";
import { join } from "node:path";

/** An example as the feature documents write it, from the file of its number. */
export function text(name: string): string {
  return readFileSync(join(import.meta.dirname, "texts", name), "latin1");
}
