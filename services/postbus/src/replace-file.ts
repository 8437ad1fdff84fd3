import { open, rename, utimes } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Puts a file in place of another one at once: readers see the old octets or the new ones. When it resolves, the new ones
 * are on stable storage.
 *
 * @param modifiedMs The time of change that the file is to have.
 */
export async function replaceFile(file: string, octets: Buffer | string, modifiedMs: number): Promise<void> {
  const temporary = `${file}.tmp`;
  {
    await using handle = await open(temporary, "w", 0o644);
    await handle.writeFile(octets);
    await handle.sync();
  }
  await utimes(temporary, modifiedMs / 1000, modifiedMs / 1000);
  await rename(temporary, file);
  await using directory = await open(dirname(file));
  await directory.sync();
}
