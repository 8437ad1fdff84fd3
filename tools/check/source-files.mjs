import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Our TypeScript and scripts, without what is installed: `{ file, lines }`, the path relative to `root`. */
export function sourceFiles(root, ...patterns) {
  return globSync(patterns, { cwd: root, exclude: (name) => name === "node_modules" }).map((file) => ({
    file,
    lines: readFileSync(join(root, file), "utf8").split("\n"),
  }));
}
