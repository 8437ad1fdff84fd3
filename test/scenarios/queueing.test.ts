import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { runPostbus, startPostbus } from "@postbus/testkit";
import { speak } from "../examples/running-program.ts";
import { eventually } from "../support/eventually.ts";
import { temporaryDirectory } from "../support/fixture.ts";

const policy = (mail: string): string => `daemon_smtp_ports = 0
local_interfaces = 127.0.0.1
primary_hostname = mx.test.example
queue_domains = q.test
freeze_tell = root@box.test
queue_run_interval = 1h
acl_smtp_rcpt = accept
acl_smtp_data = data
begin acl
data:
  warn condition = \${if match{$h_subject:}{freeze}}
       control = freeze
  warn condition = \${if match{$h_subject:}{queue}}
       control = queue
  accept
begin routers
box:
  driver = accept
  transport = box
begin transports
box:
  driver = appendfile
  directory = ${mail}
  maildir_format
  return_path_add
  envelope_to_add
begin retry
* * F,1h,5m
`;

test("what is queued, frozen or changed by an operator is handled and logged as Exim does it", async (t) => {
  const data = await temporaryDirectory(t, "queueing");
  const mail = join(data, "box");
  await writeFile(join(data, "postbus.conf"), policy(mail), "latin1");
  const postbus = await startPostbus({ args: ["--data", data, "--config", join(data, "postbus.conf")] });
  t.after(() => postbus.stop());
  const server = ["--server", `http://${postbus.addresses.get("http")}`];
  const exim = (...args: string[]) => runPostbus({ command: "exim", args: [...args, ...server] });
  const log = () => readFile(join(data, "log/mainlog"), "latin1").catch(() => "");
  const line = (pattern: RegExp) => eventually(async () => pattern.exec(await log()) ?? undefined);
  const send = async (to: string, subject: string): Promise<string> => {
    const lines = [
      "EHLO c.test",
      "MAIL FROM:<s@c.test>",
      `RCPT TO:<${to}>`,
      "DATA",
      `Subject: ${subject}\r\n\r\nx\r\n.`,
    ];
    const replies = await speak(postbus.port("smtp"), lines);
    const [, id = ""] = /id=(\S+)/.exec(replies.at(-1) ?? "") ?? [];
    assert.notEqual(id, "", replies.join("\n"));
    return id;
  };
  const delivered = (text: string) =>
    eventually(async () => {
      for (const name of await readdir(join(mail, "new")).catch(() => [])) {
        const found = await readFile(join(mail, "new", name), "latin1");
        if (found.includes(text)) return found;
      }
      return undefined;
    });

  const held = await send("a@q.test", "one");
  await line(new RegExp(`${held} == a@q\\.test routing defer \\(-56\\): domain is in queue_domains\n`));
  assert.match((await exim("-bp")).output, new RegExp(`^ *\\d+m +\\d+ ${held} <s@c\\.test>\n {10}a@q\\.test\n\n$`));
  assert.equal((await exim("-Mar", held, "b@box.test", "c@box.test")).code, 0);
  assert.equal((await exim("-Mmd", held, "a@q.test")).code, 0);
  assert.equal((await exim("-Mes", held, "new@c.test")).code, 0);
  const missing = await exim("-Mmd", held, "nobody@q.test");
  assert.match(missing.errors, /nobody@q\.test is not a recipient/);
  assert.equal((await exim("-Mar", held, "nowhere")).code, 69);
  const changed = (await exim("-bp")).output;
  assert.match(changed, /<new@c\.test>\n {10}b@box\.test\n {10}c@box\.test\n\n$/);
  assert.equal((await exim("-M", held)).code, 0);
  assert.match(await delivered("Envelope-to: c@box.test"), /^Return-path: <new@c\.test>/m);
  await line(new RegExp(`${held} Completed`));
  for (const text of [
    "recipient <b@box.test> added by operator",
    "address <a@q.test> marked delivered by operator",
    "sender address changed to <new@c.test> by operator",
  ]) {
    assert.ok((await log()).includes(`${held} ${text}\n`), text);
  }

  const queued = await send("d@box.test", "queue this");
  await line(new RegExp(`${queued} no immediate delivery: queued by ACL\n`));
  assert.equal((await exim("-bpc")).output, "1\n");
  assert.equal((await exim("-M", queued)).code, 0);
  await delivered("Envelope-to: d@box.test");

  const frozen = await send("e@box.test", "freeze this");
  const notice = await delivered("Subject: Message frozen on arrival");
  assert.match(notice, new RegExp(`^Message ${frozen} has been frozen\\.\nThe sender is <s@c\\.test>\\.\n`, "m"));
  assert.match((await exim("-bp")).output, new RegExp(`${frozen} <s@c\\.test> \\*{3} frozen \\*{3}\n`));
  assert.equal((await exim("-Mmad", frozen)).code, 0);
  await line(new RegExp(`${frozen} address <e@box\\.test> marked delivered by operator\n`));
  await line(new RegExp(`${frozen} Completed`));
  assert.equal((await exim("-bpc")).output, "0\n");
});
