import { getSystemErrorMap } from "node:util";

/** What C's `strerror` says, where the wording is known to differ from libuv's. */
const WORDS: Readonly<Record<string, string>> = {
  ENOENT: "No such file or directory",
  EACCES: "Permission denied",
  EISDIR: "Is a directory",
  ENOTDIR: "Not a directory",
  ELOOP: "Too many levels of symbolic links",
  ENAMETOOLONG: "File name too long",
  ECONNREFUSED: "Connection refused",
  EINVAL: "Invalid argument",
};

/** The system's words for why a call has failed. */
export function systemProblem(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const known = WORDS[code];
  if (known !== undefined) return known;
  for (const [name, words] of getSystemErrorMap().values()) if (name === code) return words;
  return error instanceof Error ? error.message : String(error);
}
