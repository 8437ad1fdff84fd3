import { execFile } from "node:child_process";
import { tmpdir } from "node:os";
import { promisify } from "node:util";

/**
 * A prefix for a command that sees a small disk of its own (a tmpfs, in a mount namespace that ends with it) at
 * `directory`.
 *
 * @param options Of the mount: `size=32m`, `ro`.
 */
export const onOwnDisk = (directory: string, options: string): readonly string[] => [
  ...["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"],
  `mount -t tmpfs -o ${options} tmpfs "$0" && exec "$@"`,
  directory,
];

/** Why there can be no such disk here; undefined: there can. */
export async function noOwnDisk(): Promise<string | undefined> {
  const [program = "", ...args] = onOwnDisk(tmpdir(), "size=1m");
  try {
    await promisify(execFile)(program, [...args, "true"]);
    return undefined;
  } catch (err) {
    return `SKIPPED: file systems cannot be mounted here: ${err instanceof Error ? err.message.split("\n")[0] : err}`;
  }
}
