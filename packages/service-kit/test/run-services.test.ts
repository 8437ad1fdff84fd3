import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";

const program = resolve(import.meta.dirname, "programs/process.ts");

interface Running {
  readonly child: ChildProcess;
  /** Resolves when standard output has brought a line that starts so. */
  line(start: string): Promise<string>;
  /** Resolves when standard error, where the log is, has brought something that matches. */
  said(what: RegExp): Promise<void>;
  exit(): Promise<{ code: number | null; stderr: string }>;
}

function run(t: TestContext, scenario: string, env: Record<string, string> = {}): Running {
  const child = spawn(process.execPath, [program, scenario], {
    env: { PATH: process.env["PATH"] ?? "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  t.after(() => child.kill("SIGKILL"));
  const exited = once(child, "close");
  let stderr = "";
  const listening: { what: RegExp; resolve: () => void }[] = [];
  child.stderr?.on("data", (data: Buffer) => {
    stderr += data.toString();
    for (const { what, resolve } of listening) if (what.test(stderr)) resolve();
  });
  const seen: string[] = [];
  const waiting: { start: string; resolve: (line: string) => void }[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => {
    seen.push(line);
    for (const wait of waiting) if (line.startsWith(wait.start)) wait.resolve(line);
  });
  return {
    child,
    line(start) {
      const known = seen.find((line) => line.startsWith(start));
      if (known !== undefined) return Promise.resolve(known);
      const found = new Promise<string>((resolve) => waiting.push({ start, resolve }));
      const ended = exited.then(() => Promise.reject(new Error(`no "${start}" before the end: ${stderr}`)));
      return Promise.race([found, ended]);
    },
    said(what) {
      if (what.test(stderr)) return Promise.resolve();
      const found = new Promise<void>((resolve) => listening.push({ what, resolve }));
      const ended = exited.then(() => Promise.reject(new Error(`no ${what} before the end: ${stderr}`)));
      return Promise.race([found, ended]);
    },
    async exit() {
      const [code] = await exited;
      return { code, stderr };
    },
  };
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`${signal}: the listener stops first, the bus last, exit code 0`, async (t) => {
    const { child, line, exit } = run(t, "normal");
    assert.equal(await line("ready"), "ready 127.0.0.1:2525");
    child.kill(signal);
    await line("listener stopped");
    const { code, stderr } = await exit();
    assert.equal(code, 0);
    assert.match(stderr, /deleted gateway\/.*\nbus closed/s);
  });
}

test("SIGHUP is answered with a line, and the process goes on", async (t) => {
  const { child, line, said, exit } = run(t, "normal");
  await line("ready");
  child.kill("SIGHUP");
  await said(/"msg":"SIGHUP: services that have a policy read it again/);
  child.kill("SIGTERM");
  const { code, stderr } = await exit();
  assert.equal(code, 0);
  // A line that is being written when the process ends may come behind those that are written then.
  assert.match(stderr, /^\{"level":30.*"msg":"stopped"\}$/m);
});

test("a signal that comes twice at once, as from a terminal and npm, is one wish", async (t) => {
  const { child, line, exit } = run(t, "normal");
  await line("ready");
  child.kill("SIGINT");
  child.kill("SIGINT");
  assert.equal((await exit()).code, 0);
});

test("somebody who is tired of waiting signals again, and the process ends at once", async (t) => {
  const { child, line, exit } = run(t, "hanging");
  await line("ready");
  // The grace period is 25 s; a signal that comes later than a second after the first is another wish.
  const impatience = setInterval(() => child.kill("SIGTERM"), 200);
  const { code, stderr } = await exit();
  clearInterval(impatience);
  assert.equal(code, 1);
  assert.doesNotMatch(stderr, /did not stop/);
});

test("a part that hangs is left behind at the deadline: exit code 1, and the bus is closed all the same", async (t) => {
  const { child, line, exit } = run(t, "hanging", { POSTBUS_SHUTDOWN_GRACE_MS: "100" });
  await line("ready");
  child.kill("SIGTERM");
  const { code, stderr } = await exit();
  assert.equal(code, 1);
  assert.match(stderr, /"part":"smtp".*"msg":"did not stop"/);
  assert.match(stderr, /bus closed/);
});

test("a signal while a service is still starting ends the process, and what was opened is closed", async (t) => {
  const { child, line, exit } = run(t, "never starting");
  await line("starting");
  child.kill("SIGTERM");
  const { code, stderr } = await exit();
  assert.equal(code, 0);
  assert.match(stderr, /bus closed/);
});

test("a bus that is not well, as with a full disk, is told in the log, and the process starts", async (t) => {
  const { child, line, said, exit } = run(t, "bus not well");
  await line("ready");
  await said(/"level":40.*"bus":"gone","msg":"the bus is not well"/);
  child.kill("SIGTERM");
  assert.equal((await exit()).code, 0);
});

test("a rejection that nobody handles ends the process with 70 and a line in the log", async (t) => {
  const { code, stderr } = await run(t, "unhandled").exit();
  assert.equal(code, 70);
  assert.match(stderr, /"level":60.*forgotten.*"msg":"uncaught exception"/);
});

const failures = [
  {
    name: "a wrong policy file: its problems, one a line, exit code 78",
    scenario: "misconfigured",
    env: {},
    code: 78,
    says: /^postbus: postbus\.conf:3: unknown option\npostbus: postbus\.conf:9: unknown router$/m,
  },
  {
    name: "wrong settings: exit code 78 before anything is opened",
    scenario: "normal",
    env: { POSTBUS_DAAT: "x", LOG_LEVEL: "loud" },
    code: 78,
    says: /^postbus: POSTBUS_DAAT: unknown \(did you mean POSTBUS_DATA\?\)\npostbus: LOG_LEVEL: "loud" is none of trace, debug, .*\n$/,
  },
  { name: "a bug at start: exit code 70", scenario: "buggy", env: {}, code: 70, says: /^postbus: x is undefined$/m },
  {
    name: "a health endpoint that is none: exit code 78",
    scenario: "normal",
    env: { POSTBUS_HEALTH: "nowhere:99999" },
    code: 78,
    says: /^postbus: POSTBUS_HEALTH: "nowhere:99999" is not host:port$/m,
  },
];

for (const { name, scenario, env, code, says } of failures) {
  test(name, async (t) => {
    const ended = await run(t, scenario, env).exit();
    assert.equal(ended.code, code);
    assert.match(ended.stderr, says);
  });
}

test("the process announces itself with its state and its policy, and says farewell", async (t) => {
  const { child, line, exit } = run(t, "normal");
  await line("ready");
  child.kill("SIGTERM");
  const { stderr } = await exit();
  const states = [...stderr.matchAll(/^put gateway\/\S+ (\{.*\})$/gm)].map((match) => JSON.parse(match[1] ?? ""));
  assert.deepEqual(
    states.map(({ state, policyVersion }) => [state, policyVersion]),
    [
      ["starting", undefined],
      ["ready", "abc"],
      ["stopping", "abc"],
    ],
  );
  assert.match(stderr, /^deleted gateway\//m);
});
