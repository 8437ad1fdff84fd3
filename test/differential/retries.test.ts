import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { eximCommand, freePort, startPostbus, startSmtpPeer } from "@postbus/testkit";
import { eventually } from "../support/eventually.ts";
import { temporaryDirectory } from "../support/fixture.ts";
import { normalised } from "../support/normalised.ts";
import { needs } from "../support/programs.ts";
import { runScript } from "../support/scripted-client.ts";

const run = promisify(execFile);

/** Two messages each, to what fails: that the second has failed, too, is what the first waits for when its time has come. */
const PAIRS: readonly { readonly name: string; readonly first: string; readonly second: string }[] = [
  { name: "4xx to RCPT, the same sender and recipient", first: "u1@rem.test", second: "u1@rem.test" },
  { name: "a router that looks at the domain", first: "a@later.test", second: "b@later.test" },
  { name: "a router that looks at the local part", first: "slow1@part.test", second: "slow1@part.test" },
  { name: "a mailbox", first: "u1@loc.test", second: "u1@loc.test" },
  { name: "a mailbox, retry_use_local_part = false", first: "a@dom.test", second: "b@dom.test" },
];

const policy = (peer: number, interval: string): string => `
primary_hostname = mx.a2.test
acl_smtp_rcpt = accept
log_selector = +all -pid

begin routers
later:
  driver = redirect
  domains = later.test
  allow_defer
  data = :defer: not now
part:
  driver = redirect
  domains = part.test
  local_parts = ^slow
  allow_defer
  data = :defer: not now
loc:
  driver = accept
  domains = loc.test
  transport = box
dom:
  driver = accept
  domains = dom.test
  transport = domain_box
rem:
  driver = accept
  domains = rem.test
  transport = smtp

begin transports
smtp:
  driver = smtp
  hosts = 127.0.0.1
  port = ${peer}
  allow_localhost
  EXIM_USER
box:
  driver = appendfile
  directory = /nonexistent/box
  create_directory = false
  maildir_format
  EXIM_USER
domain_box:
  driver = appendfile
  directory = /nonexistent/box
  create_directory = false
  maildir_format
  retry_use_local_part = false
  EXIM_USER

begin retry
* * F,1h,${interval}
`;

const deferrals = (log: string, address: string): readonly string[] => {
  const lines = normalised(log).filter((line) => line.startsWith(`ID == ${address} `));
  return [...new Set(lines.map(settled))].toSorted();
};
/** Said twice by one and once by the other: what is missing where a mailbox is made. */
const settled = (line: string): string => line.replace(/ DT=TIME/, "").replace(/: stat\(\) error for .*$/, "");

test("whom a failure makes wait, and what the log says of it, is as with Exim 4.98", async (t) => {
  if (needs(t, "exim-4.98") === undefined) return;
  await using peer = await startSmtpPeer({
    answer: ({ moment }) => (moment === "RCPT" ? "450 4.2.0 later" : undefined),
  });

  const eximDirectory = await temporaryDirectory(t, "exim-retries");
  const [exim = "", ...args] = eximCommand("exim-4.98", policy(peer.port, "1h").replace(/^acl_.*\n/m, ""), {
    ...{ port: await freePort(), directory: eximDirectory },
  });
  for (const address of PAIRS.flatMap(({ first, second }) => [first, second])) {
    const running = run(exim, [...args, "-odi", "-f", "s@c.test", address]);
    running.child.stdin?.end("Subject: x\n\nbody\n");
    await running;
  }
  await run(exim, [...args, "-q"]);
  const theirs = await readFile(join(eximDirectory, "log/mainlog"), "latin1");

  const directory = await temporaryDirectory(t, "retries");
  const config = join(directory, "postbus.conf");
  const own = policy(peer.port, "4s").replaceAll("EXIM_USER", "");
  await writeFile(config, `retry_jitter = 0\nlocal_interfaces = 127.0.0.1\ndaemon_smtp_ports = 0\n${own}`);
  const postbus = await startPostbus({ args: ["--data", join(directory, "data"), "--config", config] });
  t.after(() => postbus.stop());
  const send = (address: string) =>
    runScript(postbus.port("smtp"), [
      ...["EHLO c.test", "MAIL FROM:<s@c.test>", `RCPT TO:<${address}>`, "DATA", "Subject: x\n\nbody\n.", "QUIT"],
    ]);
  for (const { first } of PAIRS) await send(first);
  // Between the attempts of the first and its next one.
  await delay(2_000);
  for (const { second } of PAIRS) await send(second);
  const read = () => readFile(join(directory, "data/log/mainlog"), "latin1").catch(() => "");
  for (const { name, first } of PAIRS) {
    const expected = deferrals(theirs, first);
    assert.equal(expected.length, 2, `${name}: ${expected.join("\n")}`);
    const ours = await eventually(async () => {
      const lines = deferrals(await read(), first);
      return lines.length >= 2 ? lines : undefined;
    });
    assert.deepEqual(ours, expected, name);
  }
});
