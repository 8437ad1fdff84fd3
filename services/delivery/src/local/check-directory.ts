import { stat } from "node:fs/promises";
import { constants } from "node:os";
import { octetText } from "../octet-text.ts";
import { systemError } from "../system-error.ts";
import { LocalError } from "./local-error.ts";

/**
 * Whether a program can be started in a directory: if it is tried, all that can be seen is that something was not found.
 *
 * @throws {LocalError}
 */
export async function checkDirectory(directory: string): Promise<void> {
  try {
    const found = await stat(octetText(directory));
    if (!found.isDirectory()) throw cannotEnter(constants.errno.ENOTDIR, directory);
  } catch (err) {
    const found = systemError(err);
    if (found === undefined || err instanceof LocalError) throw err;
    throw cannotEnter(found.errno, directory, err);
  }
}

const cannotEnter = (errno: number, directory: string, cause?: unknown): LocalError =>
  new LocalError(errno, `failed to chdir to ${directory}`, { cause });
