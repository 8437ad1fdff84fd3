// `npm test`: what waits more than it works goes three files at a time; the crash tests then have the machine to themselves,
// for what they count depends on how busy it is. With arguments, those files only.
import { spawnSync } from "node:child_process";
import { join } from "node:path";

/** Each test file is a process, and most of them load the same modules: what was compiled once is there for the others. */
const env = { ...process.env, NODE_COMPILE_CACHE: join(import.meta.dirname, "..", "node_modules", ".cache", "tests") };

const files = process.argv.slice(2);

/** @returns whether all tests passed. */
function test(concurrency, patterns) {
  const args = ["--test", `--test-concurrency=${concurrency}`, "--test-reporter=spec", ...patterns];
  return spawnSync(process.execPath, args, { env, stdio: "inherit" }).status === 0;
}

const results =
  files.length > 0
    ? [test(1, files)]
    : [
        test(3, [
          "packages/*/test/**/*.test.ts",
          "services/*/test/**/*.test.ts",
          "test/*.test.ts",
          "test/examples/**/*.test.ts",
          "test/fuzz/*.test.ts",
          "test/bad-input/*.test.ts",
        ]),
        test(1, ["test/short/**/*.test.ts"]),
      ];
process.exitCode = results.every(Boolean) ? 0 : 1;
