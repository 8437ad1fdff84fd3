import type { Stats } from "node:fs";
import { lstat, opendir } from "node:fs/promises";
import { constants } from "node:os";
import { join } from "node:path";
import { compileRegex, type Regex } from "@postbus/regex";
import { systemError } from "../../system-error.ts";
import type { Usage } from "./check-quota.ts";

/** Files that are asked about at one time. */
const AT_ONE_TIME = 32;
/** Directories in directories: a mailbox has two. */
const MAX_DEPTH = 20;

/** What is looked at in a mailbox that is a directory. */
export interface Measure {
  /** `quota_size_regex` */
  readonly sizeRegex: Regex | undefined;
}

export const measureOf = (sizeRegex: string | undefined): Measure => ({
  sizeRegex: sizeRegex === undefined ? undefined : compileRegex(sizeRegex),
});

/**
 * What a directory holds with all below it. Directories count as files; a file with several names counts with its share (both as
 * with Exim).
 */
export async function directoryUsage(path: string, measure: Measure, depth = 0): Promise<Usage> {
  let size = 0;
  let files = 0;
  for await (const names of batches(path)) {
    const found = await Promise.all(names.map((name) => entryUsage(path, name, measure, depth)));
    for (const one of found) {
      size += one.size;
      files += one.files;
    }
  }
  return { size, files };
}

async function entryUsage(path: string, name: string, measure: Measure, depth: number): Promise<Usage> {
  const named = sizeInName(name, measure);
  if (named !== undefined) return { size: named, files: 1 };
  const found = await statIfThere(join(path, name));
  if (found?.isDirectory() === true && depth < MAX_DEPTH) {
    const inside = await directoryUsage(join(path, name), measure, depth + 1);
    return { size: inside.size, files: inside.files + 1 };
  }
  return { size: found?.isFile() === true ? Math.floor(found.size / Math.max(1, found.nlink)) : 0, files: 1 };
}

function sizeInName(name: string, { sizeRegex }: Measure): number | undefined {
  const digits = sizeRegex?.exec(Buffer.from(name).toString("latin1"))?.groups[1];
  return digits !== undefined && /^\d{1,15}$/.test(digits) ? Number(digits) : undefined;
}

async function* batches(path: string): AsyncGenerator<readonly string[]> {
  let names: string[] = [];
  for await (const { name } of await opendir(path)) {
    names.push(name);
    if (names.length < AT_ONE_TIME) continue;
    yield names;
    names = [];
  }
  yield names;
}

/** What a reader has moved or removed meanwhile is not there. Links are not followed: they can lead in circles. */
export async function statIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (err) {
    if (systemError(err)?.errno === constants.errno.ENOENT) return undefined;
    throw err;
  }
}

/** What a Maildir holds, and when a directory of it has changed last. */
export interface MaildirUsage extends Usage {
  readonly changedAtMs: number;
}

/**
 * What the messages of a Maildir and its folders take (Maildir++).
 *
 * @param directoryRegex `maildir_quota_directory_regex`: the directories that count.
 */
export async function maildirUsage(
  path: string,
  directoryRegex: Regex,
  measure: Measure,
  depth = 0,
): Promise<MaildirUsage> {
  let [size, files, changedAtMs] = [0, 0, 0];
  for await (const { name } of await opendir(path)) {
    if (directoryRegex.exec(Buffer.from(name).toString("latin1")) === undefined) continue;
    const inside = join(path, name);
    const found = await statIfThere(inside);
    if (found?.isDirectory() !== true || depth >= MAX_DEPTH) continue;
    changedAtMs = Math.max(changedAtMs, found.mtimeMs);
    if (name === "cur" || name === "new") {
      const usage = await directoryUsage(inside, measure);
      size += usage.size;
      files += usage.files;
    } else {
      const usage = await maildirUsage(inside, directoryRegex, measure, depth + 1);
      size += usage.size;
      files += usage.files;
      changedAtMs = Math.max(changedAtMs, usage.changedAtMs);
    }
  }
  return { size, files, changedAtMs };
}
