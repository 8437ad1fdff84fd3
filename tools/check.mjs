// `npm run check`: what can be said about the program without running it. One line a step; what is wrong stands below.
//
//   node tools/check.mjs [STEP...]
import { spawn } from "node:child_process";
import { dirname } from "node:path";
import { duplicates } from "./check/duplicates.mjs";
import { fileSizes } from "./check/file-sizes.mjs";
import { lockFile } from "./check/lock-file.mjs";

const root = dirname(import.meta.dirname);

/** A step that is a program: its output counts only if it fails. */
const program =
  (command, ...args) =>
  () =>
    new Promise((resolve) => {
      const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
      const output = [];
      child.stdout.on("data", (data) => output.push(data));
      child.stderr.on("data", (data) => output.push(data));
      child.on("error", (err) => resolve([err.message]));
      child.on("close", (code) => resolve(code === 0 ? [] : [Buffer.concat(output).toString().trimEnd()]));
    });

const knip = (...args) => program("knip", "--no-config-hints", "--no-progress", ...args);

/** Each gives a list of problems. */
const steps = {
  types: program("tsc", "-p", "."),
  "format and lint": program("biome", "ci", "--colors=off", "."),
  architecture: program("node", "--test", "--test-reporter=dot", "test/architecture.test.ts"),
  // Public names count, too; types are asked for apart, since an index names the types of its functions' parameters.
  "unused exports and dependencies": knip("--include-entry-exports", "--exclude=types"),
  "unused types": knip("--include=types"),
  "lock file": () => lockFile(root),
  "file sizes": () => fileSizes(root),
  duplicates: () => duplicates(root),
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !Object.hasOwn(steps, name));
if (unknown.length > 0) {
  process.stderr.write(`unknown step ${unknown.join(", ")}; there are: ${Object.keys(steps).join(", ")}\n`);
  process.exit(64);
}

const results = await Promise.all(
  Object.entries(steps)
    .filter(([name]) => wanted.length === 0 || wanted.includes(name))
    .map(async ([name, step]) => {
      const startedAtMs = performance.now();
      const problems = await step();
      const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1);
      process.stdout.write(`${problems.length === 0 ? "ok  " : "FAIL"} ${name} (${seconds} s)\n`);
      for (const problem of problems) process.stdout.write(`${problem.replaceAll(/^/gm, "     ")}\n`);
      return problems.length;
    }),
);
process.exitCode = results.some((count) => count > 0) ? 1 : 0;
