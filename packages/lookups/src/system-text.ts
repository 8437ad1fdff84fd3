import { getSystemErrorMessage } from "node:util";

/** libuv's words for the usual errors of files, and the C library's, which Exim's texts have. */
const C_WORDS: Readonly<Record<string, string>> = {
  "no such file or directory": "No such file or directory",
  "permission denied": "Permission denied",
  "not a directory": "Not a directory",
  "too many symbolic links encountered": "Too many levels of symbolic links",
  "name too long": "File name too long",
  "operation not permitted": "Operation not permitted",
  "i/o error": "Input/output error",
  "illegal operation on a directory": "Is a directory",
  "connection refused": "Connection refused",
  "connection reset by peer": "Connection reset by peer",
  "host is unreachable": "No route to host",
  "connection timed out": "Connection timed out",
};

/** A system call's error in the words of the C library: `No such file or directory`. */
export function systemText(err: unknown): string {
  // A host with several addresses, none of which could be connected to.
  if (err instanceof AggregateError && err.errors.length > 0) return systemText(err.errors[0]);
  // Other libraries have an `errno` of their own.
  if (err instanceof Error && "errno" in err && typeof err.errno === "number" && err.errno < 0) {
    const words = getSystemErrorMessage(err.errno);
    return C_WORDS[words] ?? words;
  }
  return err instanceof Error ? err.message : String(err);
}
