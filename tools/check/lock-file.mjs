import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * The lock file names packages by version and digest only. An address in it would send everybody's installation to the
 * registry of whoever wrote the line.
 */
export function lockFile(root) {
  return readFileSync(join(root, "pnpm-lock.yaml"), "utf8")
    .split("\n")
    .flatMap((line, index) =>
      /https?:\/\/|\btarball:|\bgit\+/.test(line) ? [`pnpm-lock.yaml:${index + 1}: ${line.trim()}`] : [],
    );
}
