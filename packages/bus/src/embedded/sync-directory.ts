import { closeSync, fsyncSync, openSync } from "node:fs";

/** Makes what was created, renamed or removed in it outlive a power failure. Only at the start and the end of a process. */
export function syncDirectory(path: string): void {
  const directory = openSync(path, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
