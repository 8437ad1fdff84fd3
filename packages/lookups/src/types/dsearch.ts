import type { Stats } from "node:fs";
import { lstat } from "node:fs/promises";
import type { LookupOptions } from "../lookup.ts";
import { LookupDefer } from "../lookup-defer.ts";
import type { FileLookupType, Finding, FindRequest } from "../lookup-type.ts";
import { systemText } from "../system-text.ts";

/** Whether a directory has an entry of this name. */
export const dsearch: FileLookupType = {
  name: "dsearch",
  style: "single-key",
  wants: "directory",
  openFailure: (path, problem) => `failed to open ${path} for directory search: ${problem}`,
  async open(directory) {
    return { find: (key, request) => findEntry(directory, key, request), close: () => undefined };
  },
};

async function findEntry(directory: string, key: string, { options }: FindRequest): Promise<Finding | undefined> {
  checkKey(key, options);
  if (key.includes("\0")) return undefined;
  const path = `${directory}/${key}`;
  let stats: Stats;
  try {
    stats = await lstat(Buffer.from(path, "latin1"));
  } catch (err) {
    if (err instanceof Error && "code" in err && err.code === "ENOENT") return undefined;
    throw new LookupDefer("dsearch", `${path}: lstat: ${systemText(err)}`, { cause: err });
  }
  if (!counts(key, stats, options)) return undefined;
  return { data: options.ret === "full" ? path : key };
}

/**
 * A key is a name within the directory. With `key=path` it may lead to one further below, never above: Exim 4.98 lets
 * `..` pass at the beginning and at the end, we do not.
 */
function checkKey(key: string, options: LookupOptions): void {
  if (!key.includes("/")) return;
  if (options.key !== "path") {
    throw new LookupDefer("dsearch", `key for dsearch lookup contains a slash: ${key}`);
  }
  if (/(?:^|\/)\.\.(?:\/|$)|\/\.\//.test(key)) {
    throw new LookupDefer("dsearch", `key for dsearch lookup contains bad component: ${key}`);
  }
}

function counts(key: string, stats: Stats, { filter }: LookupOptions): boolean {
  switch (filter) {
    case undefined:
      return true;
    case "file":
      return stats.isFile();
    case "dir":
      return stats.isDirectory();
    case "subdir":
      return stats.isDirectory() && key !== "." && key !== "..";
    default:
      return filter satisfies never;
  }
}
