import type { FileLookupType, Finding, FindRequest, OpenFile } from "../lookup-type.ts";
import type { Entry, LineKey } from "./line.ts";
import { LinearFile } from "./linear-file.ts";

/** What tells lsearch and its relatives apart: how a key is found among the lines. */
export interface LineSearch {
  /** The first entry that has the key, or where it is (offset of its line); undefined: none has. */
  find(key: string, request: FindRequest): Place | Promise<Place>;
}

type Place = Entry | number | undefined;

/**
 * A lookup type whose file has lines `key: data`.
 *
 * @param search Reads the keys of a file that was just opened.
 */
export function linearType(name: string, search: (file: LinearFile) => Promise<LineSearch>): FileLookupType {
  return {
    name,
    style: "single-key",
    wants: "regular file",
    openFailure: (path, problem) => `failed to open ${path} for linear search: ${problem}`,
    async open(path) {
      const file = await LinearFile.open(path, name);
      try {
        return openFile(file, await search(file));
      } catch (err) {
        await file.close();
        throw err;
      }
    },
  };
}

function openFile(file: LinearFile, search: LineSearch): OpenFile {
  const found = (place: Place, request: FindRequest): Finding | undefined | Promise<Finding> => {
    if (place === undefined) return undefined;
    const entry = typeof place === "number" ? file.entryAt(place) : place;
    return entry instanceof Promise ? entry.then((read) => finding(read, request)) : finding(entry, request);
  };
  return {
    find(key, request) {
      const place = search.find(key, request);
      return place instanceof Promise ? place.then((known) => found(known, request)) : found(place, request);
    },
    close: () => file.close(),
  };
}

const finding = (entry: Entry, { options }: FindRequest): Finding => ({
  data: options.ret === "full" ? entry.full : entry.data,
});

/** All keys of the file, by parts: of a file in memory in one. */
export async function* keyBatches(file: LinearFile, from = 0): AsyncGenerator<readonly LineKey[]> {
  if (file.text === undefined) yield* file.keysInFile(from);
  else yield file.keysInText();
}
