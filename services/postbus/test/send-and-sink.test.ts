import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { type TestContext, test } from "node:test";
import { runPostbus } from "@postbus/testkit";

const main = resolve(import.meta.dirname, "../src/main.ts");

interface Sink {
  readonly child: ChildProcess;
  readonly address: string;
  readonly lines: AsyncIterator<string>;
}

async function startSink(t: TestContext, ...args: string[]): Promise<Sink> {
  const child = spawn(process.execPath, [main, "sink", "--listen", "127.0.0.1:0", ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  const reader: Interface = createInterface({ input: child.stdout });
  const lines = reader[Symbol.asyncIterator]();
  const ready = await nextLine(lines);
  const address = /^postbus sink ready smtp=(127\.0\.0\.1:\d+)$/.exec(ready)?.[1];
  assert.ok(address, ready);
  return { child, address, lines };
}

async function nextLine(lines: AsyncIterator<string>): Promise<string> {
  const { value, done } = await lines.next();
  assert.ok(!done, "the sink has ended");
  return value;
}

const send = (sink: Sink, ...args: string[]) =>
  runPostbus({ command: "send", args: ["--server", sink.address, ...args] });

test("what send sends, sink shows in one line", async (t) => {
  const sink = await startSink(t);
  const { code, output } = await send(sink, "--from", "a@example.org", "--to", "b@example.net", "--subject", "Hello");
  assert.equal(code, 0);
  assert.match(output, /^250 /);
  assert.match(await nextLine(sink.lines), /^<a@example\.org> → <b@example\.net>, \d+ octets, "Hello"$/);
});

test("sink --json gives an object for each message, with the null return path as an empty string", async (t) => {
  const sink = await startSink(t, "--json");
  await send(sink, "--from", "", "--to", "b@example.net", "--to", "c@example.net", "--subject", "Hi");
  const { size, ...message } = JSON.parse(await nextLine(sink.lines));
  assert.deepEqual(message, { returnPath: "", recipients: ["b@example.net", "c@example.net"], subject: "Hi" });
  assert.ok(size > 100);
});

test("refused recipients are shown by send, and decide its exit code: 69 for good, 75 for now", async (t) => {
  const sink = await startSink(t, "--reject", "*@gone.example", "--defer", "later@*");
  const some = await send(sink, "--to", "ok@example.net", "--to", "x@gone.example");
  assert.match(some.output, /^x@gone\.example: 550 5\.1\.1 .*\n250 /);
  assert.equal(some.code, 69);
  const later = await send(sink, "--to", "later@example.net");
  assert.match(later.output, /^later@example\.net: 451 4\.2\.1 /);
  assert.equal(later.code, 75);
});

test("sink --store writes whole messages as they came, and --count ends it", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "postbus-sink-"));
  t.after(() => rm(directory, { recursive: true }));
  const sink = await startSink(t, "--store", directory, "--count", "20");
  const ended = once(sink.child, "close");
  const { code } = await send(sink, "--count", "20", "--connections", "4", "--body", ".starts with a dot");
  assert.equal(code, 0);
  assert.deepEqual(await ended, [0, null]);
  const files = await readdir(directory);
  assert.equal(files.length, 20);
  const content = await readFile(join(directory, files[0] ?? ""), "latin1");
  assert.match(content, /^Subject: Test \d+ of 20, /m);
  assert.match(content, /\r\n\.starts with a dot\r\n$/);
});

test("send --file sends the message that it is given, from standard input too", async (t) => {
  const sink = await startSink(t, "--whole");
  const input = "From: a@example.org\nSubject: =?utf-8?q?raw?=\n\nbody\u001b[31m\n";
  const args = ["--server", sink.address, "--file", "-"];
  assert.equal((await runPostbus({ command: "send", args, input })).code, 0);
  const shown: string[] = [];
  while (!shown.at(-1)?.startsWith("body")) shown.push(await nextLine(sink.lines));
  assert.match(shown[0] ?? "", /"=\?utf-8\?q\?raw\?="$/);
  assert.equal(shown[1], "From: a@example.org");
  assert.equal(shown.at(-1), "body?[31m", "no escape sequence of a peer reaches the terminal");
});

test("a port in use: one line, exit code 75", async (t) => {
  const sink = await startSink(t);
  const { code, errors } = await runPostbus({ command: "sink", args: ["--listen", sink.address] });
  assert.equal(code, 75);
  assert.equal(errors, `postbus: ${sink.address}: address already in use\n`);
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`${signal} ends the sink with 0`, async (t) => {
    const { child } = await startSink(t);
    child.kill(signal);
    assert.deepEqual(await once(child, "close"), [0, null]);
  });
}
