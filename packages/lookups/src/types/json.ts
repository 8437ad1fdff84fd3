import { BlockFile } from "../block-file.ts";
import { fixedPoint } from "../json/fixed-point.ts";
import { formatJson } from "../json/format-json.ts";
import { parseJson } from "../json/json-parser.ts";
import type { JsonValue } from "../json/json-value.ts";
import { pathItems } from "../json/path-items.ts";
import { LookupDefer } from "../lookup-defer.ts";
import type { FileLookupType } from "../lookup-type.ts";

/** It is in memory as values, which take some ten times as much. */
const MAX_FILE_OCTETS = 4 * 1024 * 1024;

/**
 * A value in a JSON file. The key is a list that leads to it: names of members, and numbers of elements from 0. A name of
 * digits alone is always a number. What is not JSON has no values, as in Exim.
 */
export const json: FileLookupType = {
  name: "json",
  style: "single-key",
  wants: "regular file",
  openFailure: (path, problem) => `failed to open ${path} for json search: ${problem}`,
  async open(path) {
    const root = await parseJson(await readWhole(path));
    return {
      find(key) {
        const value = root === undefined ? undefined : valueAt(root, pathItems(key));
        return value === undefined || value === null ? undefined : { data: textOf(value) };
      },
      close: () => undefined,
    };
  },
};

async function readWhole(path: string): Promise<Buffer> {
  const file = await BlockFile.open(path);
  try {
    if (file.size > MAX_FILE_OCTETS) {
      throw new LookupDefer("json", `${path} has ${file.size} octets, the limit is ${MAX_FILE_OCTETS}`);
    }
    return await file.readNow(0, file.size);
  } finally {
    await file.close();
  }
}

function valueAt(root: JsonValue, path: readonly string[]): JsonValue | undefined {
  let value: JsonValue | undefined = root;
  for (const item of path) {
    // An empty item is the number 0, too.
    if (/^[0-9]*$/.test(item)) value = Array.isArray(value) ? value[Number(item)] : undefined;
    else value = value instanceof Map ? value.get(item) : undefined;
    if (value === undefined) return undefined;
  }
  return value;
}

function textOf(value: JsonValue): string {
  if (typeof value === "string") return value;
  return typeof value === "number" ? fixedPoint(value) : formatJson(value);
}
