import { stat } from "node:fs/promises";
import { join } from "node:path";
import { octetText } from "../octet-text.ts";

/** The first directory of a path that has a name of that kind; whether it may be run is seen when it is. */
export async function findProgram(name: string, searchPath: readonly string[]): Promise<string | undefined> {
  if (name.startsWith("/")) return name;
  for (const directory of searchPath) {
    const path = join(directory, name);
    try {
      await stat(octetText(path));
      return path;
    } catch {
      // Not there, or not to be seen: it may be in the next.
    }
  }
  return undefined;
}
