import { asciiLower } from "../linear/ascii-lower.ts";
import { KeyIndex } from "../linear/key-index.ts";
import type { Entry } from "../linear/line.ts";
import type { LinearFile } from "../linear/linear-file.ts";
import { type LineSearch, linearType } from "../linear/linear-type.ts";

/** Octets of a line in a guess at the number of keys. */
const USUAL_LINE_OCTETS = 24;

/** Keys that are equal without regard to case; the first line that has one wins. */
export const lsearch = linearType("lsearch", async (file) => {
  const { index, indexedTo } = await indexed(file);
  return {
    find(key) {
      const wanted = asciiLower(key);
      return file.text === undefined ? findInFile(file, index, indexedTo, wanted) : findInText(file, index, wanted);
    },
  } satisfies LineSearch;
});

/** @returns `indexedTo`: where the lines begin that found no room any more; they are read each time. */
async function indexed(file: LinearFile): Promise<{ index: KeyIndex; indexedTo: number | undefined }> {
  const index = new KeyIndex(file.size / USUAL_LINE_OCTETS);
  for await (const { octets, offset } of file.parts()) {
    const indexedTo = index.addLines(octets, offset);
    if (indexedTo !== undefined) return { index, indexedTo };
  }
  return { index, indexedTo: undefined };
}

function findInText(file: LinearFile, index: KeyIndex, wanted: string): Entry | undefined {
  for (const at of index.offsetsOf(wanted)) {
    const entry = file.entryAt(at);
    if (!(entry instanceof Promise) && asciiLower(entry.key) === wanted) return entry;
  }
  return undefined;
}

async function findInFile(
  file: LinearFile,
  index: KeyIndex,
  indexedTo: number | undefined,
  wanted: string,
): Promise<Entry | number | undefined> {
  for (const at of index.offsetsOf(wanted)) {
    const entry = await file.entryAt(at);
    if (asciiLower(entry.key) === wanted) return entry;
  }
  if (indexedTo === undefined) return undefined;
  for await (const keys of file.keysInFile(indexedTo)) {
    const line = keys.find(({ key }) => asciiLower(key) === wanted);
    if (line !== undefined) return line.at;
  }
  return undefined;
}
