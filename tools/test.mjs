// `npm test`: what waits more than it works goes several files at a time; the crash tests then have the machine to
// themselves, for what they count depends on how busy it is. `npm run scenarios` is `--scenarios`;
// other arguments are files, and those only are run.
import { globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { grouped } from "./test/grouped.mjs";

/** Each test file is a process, and most of them load the same modules: what was compiled once is there for the others. */
process.env.NODE_COMPILE_CACHE = join(import.meta.dirname, "..", "node_modules", ".cache", "tests");

/** Who ends this ends the tests that run. */
const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => stopping.abort());

/** @returns whether all tests passed. */
async function test(concurrency, files) {
  let isGood = true;
  const events = run({ files, concurrency, signal: stopping.signal });
  events.on("test:summary", ({ success }) => {
    isGood &&= success;
  });
  // The last words of a reporter come behind the last event.
  for await (const text of events.compose(spec)) process.stdout.write(text);
  return isGood;
}

/** Their tests wait for servers and processes: loading modules is the least that they do. */
const WAITING = ["services/postbus", "packages/bus"];

const inOrder = (patterns) => patterns.flatMap((pattern) => globSync(pattern).sort());

/** What takes longest begins first, so that in the end no file runs while nothing else is left to do. */
function everything(directory) {
  const whole = [
    "services/postbus/test/start.test.ts",
    ...WAITING.map((path) => `${path}/test/**/*.test.ts`),
    "test/{*,{fuzz,bad-input}/*}.test.ts",
  ];
  const others = globSync("{services,packages}/*/test").filter((path) => !WAITING.includes(dirname(path)));
  const groups = others
    .sort()
    .reverse()
    .flatMap((path) => grouped(directory, path));
  return new Set([...inOrder(whole), ...groups]);
}

/** The whole program, its page, its fleet; the examples of the features; generated mail and records beside other software. */
const SCENARIOS = [
  "test/scenarios/{restart,suspension,refusals,fleet,verifier-away,next-hops}.test.ts",
  "test/{scenarios,examples,signers,spf-records}/*.test.ts",
];

const [first, ...files] = process.argv.slice(2);
if (first === "--scenarios") {
  const isGood = await test(4, [...new Set(inOrder(SCENARIOS))]);
  process.exitCode = isGood ? 0 : 1;
} else if (first !== undefined) {
  process.exitCode = (await test(1, [first, ...files])) ? 0 : 1;
} else {
  const directory = mkdtempSync(join(tmpdir(), "postbus-tests-"));
  try {
    const results = [await test(4, [...everything(directory)]), await test(1, inOrder(["test/short/*.test.ts"]))];
    process.exitCode = results.every(Boolean) ? 0 : 1;
  } finally {
    rmSync(directory, { recursive: true });
  }
}
