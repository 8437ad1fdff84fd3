import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { eximCommand } from "@postbus/testkit";
import { speak } from "../examples/running-program.ts";
import { eventually } from "../support/eventually.ts";
import { runningPostbus, temporaryDirectory } from "../support/fixture.ts";
import { needs } from "../support/programs.ts";

const policy = (directory: string): string => `
daemon_smtp_ports = SMTP_PORT
local_interfaces = 127.0.0.1
primary_hostname = mx.test
smtputf8_advertise_hosts = *
acl_smtp_rcpt = rcpt
begin acl
rcpt:
  warn local_parts = must
       control = utf8_downconvert
  warn local_parts = may
       control = utf8_downconvert/-1
  warn local_parts = not
       control = utf8_downconvert/0
  accept
begin routers
all:
  driver = accept
  transport = spool
begin transports
spool:
  driver = queuefile
  directory = ${directory}
`;

const EXIM = `primary_hostname = mx.exim.test
begin routers
all:
  driver = accept
  transport = nowhere
begin transports
nowhere:
  driver = appendfile
  file = /dev/null
  EXIM_USER
begin retry
* * F,1h,1m
`;

/** Local part, whether MAIL says SMTPUTF8, and what stands in the file for that. */
const ROWS: readonly (readonly [localPart: string, isUtf8: boolean, flags: readonly string[]])[] = [
  ["must", true, ["smtputf8", "utf8_downcvt"]],
  ["may", true, ["smtputf8", "utf8_optdowncvt"]],
  ["not", true, ["smtputf8"]],
  ["other", true, ["smtputf8"]],
  ["must", false, []],
  ["other", false, []],
];

/** All that there may be of these. */
const flagsIn = (envelope: string): readonly string[] =>
  Array.from(envelope.matchAll(/^-+((?:smtp)?utf8\w*)$/gm), ([, flag = ""]) => flag);

test("what control = utf8_downconvert and SMTPUTF8 have said stands in spool files, as Exim reads it", async (t) => {
  if (needs(t, "exim-4.98") === undefined) return;
  const directory = await temporaryDirectory(t, "queuefile-flags");
  const [command = "", ...options] = eximCommand("exim-4.98", EXIM, { port: 0, directory });
  const exim = (...args: string[]): string =>
    execFileSync(command, [...options, ...args], { encoding: "latin1", stdio: ["ignore", "pipe", "pipe"] });
  const input = join(directory, "spool/input");
  mkdirSync(input, { recursive: true, mode: 0o750 });
  const file = join(directory, "postbus.conf");
  await writeFile(file, policy(input));
  const { postbus } = await runningPostbus(t, "--config", file);
  for (const [localPart, isUtf8, flags] of ROWS) {
    const address = `${localPart}@${isUtf8 ? "b\xc3\xbccher" : "books"}.test`;
    const replies = await speak(postbus.port("smtp"), [
      "EHLO client.test",
      `MAIL FROM:<s@a.test>${isUtf8 ? " SMTPUTF8" : ""}`,
      `RCPT TO:<${address}>`,
      "DATA",
      "From: s@a.test\r\nSubject: x\r\n\r\ntext\r\n.",
    ]);
    const [, id = ""] = /id=(\S+)/.exec(replies.at(-1) ?? "") ?? [];
    const name = join(input, `${id}-H`);
    await eventually(async () => (await readdir(input)).includes(`${id}-H`) || undefined);
    assert.deepEqual(flagsIn(await readFile(name, "latin1")), flags, address);

    const listed = exim("-bp");
    assert.ok(listed.includes(` ${id} <s@a.test>\n          ${address}\n`), listed);
    assert.deepEqual(flagsIn(exim("-Mvh", id)), flags, address);
    // It writes the file anew: what it has not understood is gone then.
    assert.match(exim("-Mf", id), /frozen/);
    const rewritten = await readFile(name, "latin1");
    assert.match(rewritten, /^-frozen \d+$/m);
    assert.deepEqual(flagsIn(rewritten), flags, address);
  }
});
