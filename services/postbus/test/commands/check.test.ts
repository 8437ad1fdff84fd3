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

test("what is right and not carried out yet is wrong, as at the start", async () => {
  const { code, output, errors } = await check(
    "primary_hostname = mx.example.test\nacl_smtp_rcpt = accept\nbegin transports\nt:\n  driver = smtp\n  hosts_require_dane = *\n",
  );
  assert.match(errors, /^postbus: FILE:6: transport t: hosts_require_dane: .* not carry out this option yet\n$/);
  assert.deepEqual([code, output], [78, ""]);
});

test("programs that may not be run here are a problem that names the setting, and none of another machine", async () => {
  const text =
    "primary_hostname = mx.example.test\nbegin routers\nr:\n  driver = accept\n  transport = t\nbegin transports\nt:\n  driver = pipe\n  command = /bin/true\n";
  const { code, errors } = await check(text);
  assert.match(
    errors,
    /^postbus: FILE:7: transport t: no programs may be run here: set POSTBUS_DELIVERY_PROGRAMS .*\n$/,
  );
  assert.equal(code, 78);
  assert.equal((await check(text, "--portable")).code, 0);
});

test("addresses and ports that cannot be are wrong, all of them, and notices are shown beside", async () => {
  const text = "local_interfaces = 999.1.1.1\ndaemon_smtp_ports = 70000\nacl_smtp_rcpt = accept\n";
  const { code, output, errors } = await check(text, "-DTYPO=x");
  assert.match(errors, /^postbus: FILE:1: .*"999\.1\.1\.1"\npostbus: FILE:2: .*"70000"\n$/);
  assert.match(output, /^notice: FILE: macro TYPO is given but not used$/m);
  assert.equal(code, 78);
});

test("notices are shown beside what cannot be read", async () => {
  const { code, output, errors } = await check("nonsense = 1\n", "-DTYPO=x");
  assert.match(errors, /^postbus: FILE:1: .*nonsense.*\n$/);
  assert.match(output, /^notice: FILE: macro TYPO is given but not used$/m);
  assert.equal(code, 78);
});

test("a file that is not there, or none, is named once", async () => {
  for (const file of [join(directory, "away.conf"), directory]) {
    const { code, errors } = await runPostbus({ command: "check", args: ["--config", file] });
    assert.equal(errors.split(file).length, 2, errors);
    assert.equal(code, 78);
  }
});

test("what is wrong is a line for each problem, and exit code 78", async () => {
  const { code, output, errors } = await check("nonsense = 1\nrecipients_max = many\n");
  assert.match(errors, /^postbus: FILE:1: .*nonsense.*\npostbus: FILE:2: .*many.*\n$/);
  assert.deepEqual([code, output], [78, ""]);
});

test("what cannot be read and what cannot be carried out are shown in one run, by file and line", async () => {
  await writeFile(join(directory, "more.conf"), "t:\n  driver = smtp\n  hosts_require_dane = *\n  nonsense = 2\n");
  const text = [
    "local_interfaces = 999.1.1.1",
    "nonsense = 1",
    "daemon_smtp_ports = 70000",
    "recipients_max = many",
    "begin transports",
    `.include ${join(directory, "more.conf")}`,
    "begin retry",
    "* * Q,1h",
  ];
  const { code, output, errors } = await check(`${text.join("\n")}\n`, "-DTYPO=x");
  const places = errors
    .trimEnd()
    .split("\n")
    .map((line) => /^postbus: \S*?(FILE|more\.conf):([0-9]+): /.exec(line)?.slice(1).join(":"));
  assert.deepEqual(places, ["FILE:1", "FILE:2", "FILE:3", "FILE:4", "FILE:8", "more.conf:3", "more.conf:4"]);
  assert.match(output, /^notice: FILE: macro TYPO is given but not used$/m);
  assert.equal(code, 78);
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
