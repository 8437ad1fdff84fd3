import { statfsSync } from "node:fs";

/**
 * What is free where this process works, for `$spool_space` and its relatives (Exim's manual, "Expansion variables").
 * The call asks the kernel, not a disk, and waits for nothing.
 *
 * @param directory `spool_directory`, if the policy has one and it is there; else the working directory is looked at.
 */
export function diskSpace(directory: string): { readonly kilobytes: number; readonly inodes: number } | undefined {
  for (const path of directory === "" ? ["."] : [directory, "."]) {
    try {
      const { bavail, bsize, ffree } = statfsSync(path);
      return { kilobytes: Math.floor((bavail * bsize) / 1024), inodes: ffree };
    } catch {
      // Not there, or not for us: the next one will do.
    }
  }
  return undefined;
}
