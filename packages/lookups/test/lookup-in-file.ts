import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LookupOutcome, LookupScope } from "../src/lookup.ts";
import { LookupCache } from "../src/lookup-cache.ts";
import { LookupDefer } from "../src/lookup-defer.ts";
import type { LookupSettings } from "../src/lookup-settings.ts";
import { LookupTable } from "../src/lookup-table.ts";
import { parseLookupType } from "../src/parse-lookup-type.ts";

/** A directory of files with the given contents (octets), until `remove`. */
export async function temporaryFiles(
  files: Readonly<Record<string, string>>,
): Promise<{ readonly directory: string; remove(): Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), "postbus-lookups-"));
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content, "latin1");
  return { directory, remove: () => rm(directory, { recursive: true, force: true }) };
}

export const newScope = (rest: Omit<LookupScope, "cache"> = {}): LookupScope => ({ cache: new LookupCache(), ...rest });

/** One lookup with a table of its own. */
export async function lookUp(
  type: string,
  key: string,
  { file, settings = {}, scope = newScope() }: { file?: string; settings?: LookupSettings; scope?: LookupScope },
): Promise<LookupOutcome> {
  await using table = disposable(settings);
  return await table.find({ spec: parseLookupType(type), key, ...(file === undefined ? {} : { file }) }, scope);
}

/** The data; undefined: not found. A deferral is its text. */
export async function dataOf(...args: Parameters<typeof lookUp>): Promise<string | undefined> {
  try {
    const outcome = await lookUp(...args);
    return outcome.found ? outcome.data : undefined;
  } catch (err) {
    if (err instanceof LookupDefer) return `Failed: ${err.expansionMessage(args[1])}`;
    throw err;
  }
}

/** A table that closes at the end of its block. */
export function disposable(settings: LookupSettings): LookupTable & AsyncDisposable {
  return Object.assign(new LookupTable(settings), {
    async [Symbol.asyncDispose](this: LookupTable) {
      await this.close();
    },
  });
}
