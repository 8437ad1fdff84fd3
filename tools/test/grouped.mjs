import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** What a process of a group loads is loaded once for so many files; more of them, and the last group keeps the others waiting. */
const MAX_FILES = 10;

/** What is the process's own, or would be done around the tests of other files as well. */
const NEEDS_OWN_PROCESS =
  /\bprocess\.(kill|chdir|env|exit|exitCode|memoryUsage|on|once|emit|umask|hrtime|cpuUsage)\b|\bmock\.|^(beforeEach|afterEach)\(/m;

/**
 * Test files of a package, to be run by fewer processes: loading the modules costs more than most of the tests.
 *
 * @param directory Where the files that stand for a group are written.
 * @param tests The directory of the package's tests.
 * @returns Files to run: each imports those of its group, or is one that needs a process of its own.
 */
export function grouped(directory, tests) {
  const files = globSync(`${tests}/**/*.test.ts`).sort();
  const name = tests.replaceAll(/[^a-z-]/g, "-");
  const alone = files.filter((file) => NEEDS_OWN_PROCESS.test(readFileSync(file, "utf8")));
  const together = files.filter((file) => !alone.includes(file));
  const count = Math.ceil(together.length / MAX_FILES);
  const groups = Array.from({ length: count }, (_, index) => {
    const group = join(directory, `${name}-${index + 1}.test.mjs`);
    // Neighbours go to different groups: those that take long are often beside each other.
    const members = together.filter((_, at) => at % count === index);
    writeFileSync(group, members.map((file) => `import ${JSON.stringify(pathToFileURL(file).href)};\n`).join(""));
    return group;
  });
  return [...groups, ...alone];
}
