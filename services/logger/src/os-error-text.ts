import { getSystemErrorMessage } from "node:util";

/** What C's strerror says on Linux, which is what Exim's logs have. Node's own texts (libuv) are others. */
const texts: Readonly<Record<number, string>> = {
  2: "No such file or directory",
  5: "Input/output error",
  11: "Resource temporarily unavailable",
  12: "Cannot allocate memory",
  13: "Permission denied",
  17: "File exists",
  20: "Not a directory",
  21: "Is a directory",
  22: "Invalid argument",
  23: "Too many open files in system",
  24: "Too many open files",
  27: "File too large",
  28: "No space left on device",
  30: "Read-only file system",
  32: "Broken pipe",
  71: "Protocol error",
  98: "Address already in use",
  99: "Cannot assign requested address",
  100: "Network is down",
  101: "Network is unreachable",
  103: "Software caused connection abort",
  104: "Connection reset by peer",
  110: "Connection timed out",
  111: "Connection refused",
  112: "Host is down",
  113: "No route to host",
  122: "Disk quota exceeded",
};

/** @param errno Above 0: the operating system's. */
export function osErrorText(errno: number): string {
  return texts[errno] ?? getSystemErrorMessage(-errno);
}
