import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { startPostbus } from "@postbus/testkit";
import { speak } from "./examples/running-program.ts";
import { eventually } from "./support/eventually.ts";
import { temporaryDirectory } from "./support/fixture.ts";

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
begin retry
* * F,1h,5m
`;

test("a message goes into a file, its owner's postmaster is warned, and what does not fit is refused beforehand", async (t) => {
  const data = await temporaryDirectory(t, "mailboxes");
  const mail = join(data, "mail");
  await writeFile(`${mail}.users`, "ann: ann\npostmaster: postmaster\n");
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
