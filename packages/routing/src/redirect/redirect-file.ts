import { constants } from "node:fs";
import { type FileHandle, lstat, open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { systemProblem } from "@postbus/policy";

/** What a file must be like. */
export interface FileRules {
  /** Mode bits that must not be set. */
  readonly modeMask: number;
  /** Owners; undefined: any. */
  readonly owners: readonly number[] | undefined;
  readonly groups: readonly number[] | undefined;
  readonly ignoresNotDirectory: boolean;
  readonly ignoresNoAccess: boolean;
}

export type RedirectFile =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "missing" }
  | { readonly kind: "wrong"; readonly reason: string };

/** Opening a pipe must not wait for somebody who writes to it. */
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;
/** As in Exim. */
const MAX_OCTETS = 1024 * 1024;

/**
 * Reads the file of a redirect router. That it does not exist is an answer, unless its directory does not exist either:
 * that may be a file system that is not mounted.
 */
export async function readRedirectFile(path: string, rules: FileRules): Promise<RedirectFile> {
  let file: FileHandle;
  try {
    file = await open(octets(path), FLAGS);
  } catch (error) {
    return notOpened(path, rules, error);
  }
  try {
    const { mode, uid, gid, size, isRegular } = await statOf(file);
    if (!isRegular) return wrong(`${path} is not a regular file`);
    const excess = mode & rules.modeMask;
    if (excess !== 0) {
      return wrong(`bad mode (0${mode.toString(8)}) for ${path}: 0${excess.toString(8)} bit(s) unexpected`);
    }
    if (rules.owners?.includes(uid) === false) return wrong(`bad owner for ${path}`);
    if (rules.groups?.includes(gid) === false) return wrong(`bad group for ${path}`);
    if (size > MAX_OCTETS) return wrong(`${path} is too big (max ${MAX_OCTETS})`);
    return { kind: "text", text: (await file.readFile()).subarray(0, MAX_OCTETS).toString("latin1") };
  } catch (error) {
    return wrong(`error while reading ${path}: ${systemProblem(error)}`);
  } finally {
    await file.close();
  }
}

async function statOf(file: FileHandle) {
  const stats = await file.stat();
  return { mode: stats.mode, uid: stats.uid, gid: stats.gid, size: stats.size, isRegular: stats.isFile() };
}

async function notOpened(path: string, rules: FileRules, error: unknown): Promise<RedirectFile> {
  const code = codeOf(error);
  if (code === "ENOTDIR" && rules.ignoresNotDirectory) return { kind: "missing" };
  if (code === "EACCES" && rules.ignoresNoAccess) return { kind: "missing" };
  if (code !== "ENOENT") return wrong(`failed to open ${path}: ${systemProblem(error)}`);
  if (rules.ignoresNotDirectory) return { kind: "missing" };
  const directory = `${dirname(path)}/.`;
  try {
    await stat(octets(directory));
    return { kind: "missing" };
  } catch (problem) {
    return wrong(`failed to stat ${directory} (${systemProblem(problem)})`);
  }
}

/**
 * Reads a file that a list includes.
 *
 * @param within `include_directory`: the file must be in it, and no link may lead out of it.
 */
export async function readIncludedFile(
  path: string,
  within: string | undefined,
): Promise<{ readonly text: string } | { readonly reason: string }> {
  if (path.length > 255) return { reason: `included file name "${path}" is too long` };
  if (within !== undefined) {
    const reason = await outside(path, within);
    if (reason !== undefined) return { reason };
  }
  try {
    const file = await open(octets(path), FLAGS);
    try {
      const { size, isRegular } = await statOf(file);
      if (!isRegular) return { reason: `included file ${path} is not a regular file` };
      if (size > MAX_OCTETS) return { reason: `included file ${path} is too big (max ${MAX_OCTETS})` };
      return { text: (await file.readFile()).subarray(0, MAX_OCTETS).toString("latin1") };
    } finally {
      await file.close();
    }
  } catch (error) {
    return { reason: `failed to open included file ${path}: ${systemProblem(error)}` };
  }
}

async function outside(path: string, within: string): Promise<string | undefined> {
  if (!path.startsWith(`${within}/`) || path.includes("/../") || path.endsWith("/..")) {
    return `included file ${path} is not in directory ${within}`;
  }
  for (let end = path.indexOf("/", within.length + 1); ; end = path.indexOf("/", end + 1)) {
    const part = end === -1 ? path : path.slice(0, end);
    try {
      if ((await lstat(octets(part))).isSymbolicLink()) {
        return `included file ${path} in the ${within} directory involves a symbolic link`;
      }
    } catch {
      return `failed to stat ${part} (component of included file)`;
    }
    if (end === -1) return undefined;
  }
}

/** Paths of the policy are octets, and so are those of the system. */
const octets = (path: string): Buffer => Buffer.from(path, "latin1");

const wrong = (reason: string): RedirectFile => ({ kind: "wrong", reason });

const codeOf = (error: unknown): string => (error instanceof Error && "code" in error ? String(error.code) : "");
