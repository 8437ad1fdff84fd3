import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { runPostbus } from "@postbus/testkit";

const directory = await mkdtemp(join(tmpdir(), "postbus-check-"));
after(() => rm(directory, { recursive: true }));

async function check(text: string, ...options: string[]) {
  const file = join(directory, "my.conf");
  await writeFile(file, text);
  const { code, output, errors } = await runPostbus({ command: "check", args: ["--config", file, ...options] });
  return { code, output: output.replaceAll(file, "FILE"), errors: errors.replaceAll(file, "FILE") };
}

test("a policy that can be used is in order", async () => {
  const { code, output } = await check("primary_hostname = mx.example.test\nacl_smtp_rcpt = accept\n");
  assert.match(output, /^policy [0-9a-f]{16} is in order\n$/);
  assert.equal(code, 0);
});

test("what is right and not carried out yet is a notice, and the last line says that it would not start", async () => {
  const { code, output, errors } = await check(
    "primary_hostname = mx.example.test\nacl_smtp_rcpt = accept\nbegin transports\nt:\n  driver = smtp\n  hosts_require_dane = *\n",
  );
  assert.match(
    output,
    /^notice: FILE:6: transport t: hosts_require_dane: .* not carry out this option yet\npolicy \w+ is in order, but .*start/,
  );
  assert.deepEqual([code, errors], [0, ""]);
});

test("programs that may not be run here are a notice that names the setting", async () => {
  const text =
    "primary_hostname = mx.example.test\nbegin routers\nr:\n  driver = accept\n  transport = t\nbegin transports\nt:\n  driver = pipe\n  command = /bin/true\n";
  const { code, output } = await check(text);
  assert.match(
    output,
    /^notice: FILE:7: transport t: no programs may be run here: set POSTBUS_DELIVERY_PROGRAMS .*\npolicy \w+ is in order, but "postbus start" refuses/m,
  );
  assert.equal(code, 0);
});

test("what is wrong is a line for each problem, and exit code 78", async () => {
  const { code, output, errors } = await check("nonsense = 1\nrecipients_max = many\n");
  assert.match(errors, /^postbus: FILE:1: .*nonsense.*\npostbus: FILE:2: .*many.*\n$/);
  assert.deepEqual([code, output], [78, ""]);
});

test("accounts of another machine are notices with --portable", async () => {
  const text = "primary_hostname = mx.example.test\ntrusted_users = nobody-of-this-name\n";
  const router = "begin routers\nr:\n  driver = accept\n  user = nobody-of-this-name\n  transport = t\n";
  const transport = "begin transports\nt:\n  driver = smtp\n  hosts = mx.example.test\n";
  assert.equal((await check(text + router + transport)).code, 78);
  const { code, output } = await check(text + router + transport, "--portable");
  assert.match(output, /nobody-of-this-name/);
  assert.equal(code, 0);
});
