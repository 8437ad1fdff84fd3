import { constants } from "node:os";
import { getSystemErrorMessage } from "node:util";

/** The operating system's words as the C library has them: readers of Exim's log know these. */
const words = new Map<number, string>([
  [constants.errno.EACCES, "Permission denied"],
  [constants.errno.EADDRNOTAVAIL, "Cannot assign requested address"],
  [constants.errno.ECONNREFUSED, "Connection refused"],
  [constants.errno.ECONNRESET, "Connection reset by peer"],
  [constants.errno.EDQUOT, "Disk quota exceeded"],
  [constants.errno.EEXIST, "File exists"],
  [constants.errno.EHOSTUNREACH, "No route to host"],
  [constants.errno.EIO, "Input/output error"],
  [constants.errno.EISDIR, "Is a directory"],
  [constants.errno.EMFILE, "Too many open files"],
  [constants.errno.ENETUNREACH, "Network is unreachable"],
  [constants.errno.ENOENT, "No such file or directory"],
  [constants.errno.ENOSPC, "No space left on device"],
  [constants.errno.ENOTDIR, "Not a directory"],
  [constants.errno.EPERM, "Operation not permitted"],
  [constants.errno.EPIPE, "Broken pipe"],
  [constants.errno.EROFS, "Read-only file system"],
  [constants.errno.ETIMEDOUT, "Connection timed out"],
]);

export interface SystemError {
  /** Positive, as in `errno.h`. */
  readonly errno: number;
  readonly text: string;
}

/** @returns undefined if it did not come from the operating system. */
export function systemError(err: unknown): SystemError | undefined {
  if (!(err instanceof Error) || !("errno" in err) || typeof err.errno !== "number") return undefined;
  const errno = Math.abs(err.errno);
  return { errno, text: strerror(errno) };
}

export function strerror(errno: number): string {
  return words.get(errno) ?? getSystemErrorMessage(-errno);
}
