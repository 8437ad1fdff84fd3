import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { startPostbus } from "@postbus/testkit";
import { speak } from "../examples/running-program.ts";
import { eventually } from "../support/eventually.ts";
import { temporaryDirectory } from "../support/fixture.ts";

const policy = (mail: string): string => `daemon_smtp_ports = 0
local_interfaces = 127.0.0.1
primary_hostname = mx.test.example
domainlist local_domains = test.example
acl_smtp_rcpt = rcpt
begin acl
rcpt:
  deny message = no room ($recipient_verify_failure)
       !verify = recipient/quota
  accept domains = +local_domains
begin routers
aliases:
  driver = redirect
  data = \${lookup{$local_part}lsearch{${mail}.aliases}}
  file_transport = named_file
  directory_transport = named_directory
local:
  driver = accept
  domains = +local_domains
  transport = mbox
begin transports
mbox:
  driver = appendfile
  file = ${mail}/\${lookup{$local_part}lsearch{${mail}.users}}
  quota = 2K
  quota_warn_threshold = 10%
  quota_warn_message = "To: postmaster@$domain\\nSubject: $local_part is nearly full\\n\\n"
named_file:
  driver = appendfile
  create_file = ${mail}
  message_prefix = "To $local_part, \${lc:$h_subject:}\\n"
named_directory:
  driver = appendfile
  maildir_format
  envelope_to_add
begin retry
* * F,1h,5m
`;

test("a message goes into a file, its owner's postmaster is warned, and what does not fit is refused beforehand", async (t) => {
  const data = await temporaryDirectory(t, "mailboxes");
  const mail = join(data, "mail");
  await writeFile(`${mail}.users`, "ann: ann\npostmaster: postmaster\n");
  await writeFile(`${mail}.aliases`, "");
  await writeFile(join(data, "postbus.conf"), policy(mail), "latin1");
  const postbus = await startPostbus({ args: ["--data", data, "--config", join(data, "postbus.conf")] });
  t.after(() => postbus.stop());
  const port = postbus.port("smtp");
  const envelope = (size: number) => [`MAIL FROM:<s@b.example> SIZE=${size}`, "RCPT TO:<ann@test.example>"];
  const content = `From: s@b.example\r\nSubject: x\r\n\r\nFrom here\r\n${"text\r\n".repeat(100)}.`;
  const [, , , accepted, , said] = await speak(port, ["EHLO c.example", ...envelope(700), "DATA", content]);
  assert.match(`${accepted} | ${said}`, /^250 .* \| 250 /);
  const text = await eventually(async () => {
    const found = await readFile(join(mail, "ann"), "latin1").catch(() => "");
    return found.endsWith("\n\n") ? found : undefined;
  });
  assert.match(
    text,
    /^From s@b\.example \w{3} \w{3} [ \d]\d [0-9:]{8} \d{4}\nReceived: [\s\S]*\nSubject: x\n\n>From here\n(?:text\n){100}\n$/,
  );
  const warning = await eventually(async () => {
    const found = await readFile(join(mail, "postmaster"), "latin1").catch(() => "");
    return found.endsWith("\n\n") ? found : undefined;
  });
  assert.match(warning, /^From MAILER-DAEMON [\s\S]*\nSubject: ann is nearly full\n/);

  const refused = await speak(port, ["EHLO c.example", ...envelope(1500), "RSET", ...envelope(100)]);
  assert.match(refused[3] ?? "", /^550 .*no room \(quota\)$/);
  assert.match(refused[6] ?? "", /^250 /);
});

test("a list may name a file and a directory, where create_file lets them be made", async (t) => {
  const data = await temporaryDirectory(t, "mailboxes");
  const mail = join(data, "mail");
  await writeFile(`${mail}.users`, "");
  await writeFile(`${mail}.aliases`, `list: ${mail}/file, ${mail}/maildir/, ${data}/elsewhere\n`);
  await writeFile(join(data, "postbus.conf"), policy(mail).replace("/quota", ""), "latin1");
  const postbus = await startPostbus({ args: ["--data", data, "--config", join(data, "postbus.conf")] });
  t.after(() => postbus.stop());
  const content = "From: s@b.example\r\nSubject: Hello\r\n\r\ntext\r\n.";
  const envelope = ["MAIL FROM:<s@b.example>", "RCPT TO:<list@test.example>"];
  await speak(postbus.port("smtp"), ["EHLO c.example", ...envelope, "DATA", content]);
  const log = await eventually(async () => {
    const lines = await readFile(join(data, "log/mainlog"), "latin1").catch(() => "");
    return / => [\s\S]* => /.test(lines) && lines.includes(" == ") ? lines : undefined;
  });
  assert.match(await readFile(join(mail, "file"), "latin1"), /^To list, hello\nReceived: [\s\S]*\n\ntext\n\n$/);
  const [name = ""] = await readdir(join(mail, "maildir/new"));
  const text = await readFile(join(mail, "maildir/new", name), "latin1");
  assert.match(text, /^Envelope-to: list@test\.example\nReceived: [\s\S]*\n\ntext\n$/);
  assert.match(log, new RegExp(`=> ${mail}/file .*R=aliases T=named_file`));
  assert.match(log, /== \S+elsewhere .* creation outside the home directory is not permitted/);
});
