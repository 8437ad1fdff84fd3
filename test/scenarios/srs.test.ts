import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { freePort, startExim, startPostbus } from "@postbus/testkit";
import { speak } from "../examples/running-program.ts";
import { eventually } from "../support/eventually.ts";
import { temporaryDirectory } from "../support/fixture.ts";
import { messagesIn } from "../support/mailbox.ts";
import { needs } from "../support/programs.ts";

/** Who has which domain: the one that sends, two that forward, and the last, which takes mail and cannot deliver it. */
interface Ports {
  readonly first: number;
  readonly second: number;
  readonly last: number;
}

const routes = ({ first, second, last }: Ports): string => `
to_first:
  driver = manualroute
  domains = first.test
  route_list = * 127.0.0.1::${first}
  self = send
  transport = remote
to_second:
  driver = manualroute
  domains = second.test
  route_list = * 127.0.0.1::${second}
  self = send
  transport = remote
to_last:
  driver = manualroute
  domains = last.test
  route_list = * 127.0.0.1::${last}
  self = send
  transport = remote
`;

const HEAD = `
local_interfaces = 127.0.0.1
acl_smtp_rcpt = check
acl_smtp_data = accept
begin acl
check:
  require verify = recipient
  accept
begin routers
`;
const TRANSPORTS = `
begin transports
remote:
  driver = smtp
begin retry
*  *  F,1h,1s
`;

interface Forwarder {
  readonly port: number;
  readonly mail: string;
  readonly log: () => Promise<string>;
}

async function forwarder(t: TestContext, port: number, config: (mail: string) => string): Promise<Forwarder> {
  const data = await temporaryDirectory(t, "srs");
  const mail = join(data, "mail");
  const file = join(data, "p.conf");
  await writeFile(file, `daemon_smtp_ports = ${port}\n${config(mail)}`, "latin1");
  const postbus = await startPostbus({ args: ["--data", data, "--config", file] });
  t.after(() => postbus.stop());
  return { port, mail, log: () => readFile(join(data, "log", "mainlog"), "latin1") };
}

/** An Exim that takes everything for its domain, and then knows nobody there. */
async function deadEnd(t: TestContext, ports: Ports): Promise<string> {
  const directory = await temporaryDirectory(t, "srs-exim");
  const config = `
primary_hostname = last.test
begin routers
nobody:
  driver = redirect
  domains = last.test
  allow_fail
  data = :fail: nobody is called that
${routes(ports)}
begin transports
remote:
  driver = smtp
  EXIM_USER
begin retry
*  *  F,1h,1s
`;
  const exim = await startExim("exim-4.98", config, { port: ports.last, directory });
  t.after(() => exim.stop());
  return join(directory, "log", "mainlog");
}

async function send(port: number, sender: string, recipient: string): Promise<void> {
  const replies = await speak(port, [
    "EHLO client.test",
    `MAIL FROM:<${sender}>`,
    `RCPT TO:<${recipient}>`,
    "DATA",
    "Subject: round\r\nMessage-ID: <round@home.test>\r\n\r\nbody\r\n.",
    "QUIT",
  ]);
  assert.ok(
    replies.every((reply) => /^[23]/.test(reply)),
    replies.join("\n"),
  );
}

/** From whom a message has come, by Exim's log, as far as it is one of these. */
const arrival = (log: string, pattern: RegExp): Promise<string> =>
  eventually(async () => {
    const lines = await readFile(log, "latin1");
    const senders = Array.from(lines.matchAll(/ <= ("[^"]*"@\S*|[^<"]\S*) /g), ([, sender = ""]) => sender);
    return senders.find((sender) => pattern.test(sender));
  });

const portsOf = async (): Promise<Ports> => ({
  first: await freePort(),
  second: await freePort(),
  last: await freePort(),
});

const home = (mail: string): string => `
home:
  driver = accept
  domains = home.test
  transport = box
${TRANSPORTS.replace("begin transports", `begin transports\nbox:\n  driver = appendfile\n  directory = ${mail}\n  maildir_format`)}`;

/** With the local part as it stands in an SRS address. */
const SENDERS = [
  ["joe@home.test", "joe"],
  ['"joe b"@home.test', "joe b"],
] as const;

describe("a forwarded message and its bounce", { concurrency: 2 }, () => {
  test("go by two of us to Exim, and back the same way: options of redirect", async (t) => {
    if (needs(t, "exim-4.98") === undefined) return;
    const ports = await portsOf();
    const own = (domain: string, onward: string) => `
primary_hostname = ${domain}
hide srs_secrets = secret of ${domain} : old
srs_hashlength = 4
${HEAD}
back:
  driver = redirect
  domains = ${domain}
  senders = :
  srs = reverse
  data = \${srs_recipient}
forward:
  driver = redirect
  domains = ${domain}
  local_parts = u
  srs = forward
  srs_alias = ${domain}
  data = ${onward}
${routes(ports)}
`;
    const log = await deadEnd(t, ports);
    const first = await forwarder(t, ports.first, (mail) => own("first.test", "u@second.test") + home(mail));
    const second = await forwarder(t, ports.second, () => own("second.test", "nobody@last.test") + TRANSPORTS);
    for (const [index, [sender, localPart]] of SENDERS.entries()) {
      await send(first.port, sender, "u@first.test");
      await arrival(log, new RegExp(`^"?SRS1=....=first\\.test==....=..=home\\.test=${localPart}"?@second\\.test$`));
      for (const bounce of await messagesIn(first.mail, index + 1)) {
        assert.match(bounce, /nobody is called that/);
        assert.match(bounce, /^Message-ID: <round@home\.test>$/m);
      }
    }
    for (const { log: read } of [first, second]) {
      const text = await eventually(async () => {
        const log = await read();
        return / => \S+ .*SRS=<"?SRS[01]=\S+.*@(?:first|second)\.test> R=/.test(log) ? log : undefined;
      });
      assert.ok(!text.includes("secret of"));
    }
  });

  test("go over one of us to Exim, and back: srs_encode and inbound_srs", async (t) => {
    if (needs(t, "exim-4.98") === undefined) return;
    const ports = await portsOf();
    const own = (mail: string) => `
SRS_SECRET = a secret
primary_hostname = first.test
${HEAD}
back:
  driver = redirect
  domains = first.test
  senders = :
  condition = \${if inbound_srs {$local_part}{SRS_SECRET}}
  data = $srs_recipient
back_failure:
  driver = redirect
  domains = first.test
  senders = :
  condition = \${if inbound_srs {$local_part}{}}
  allow_fail
  data = :fail: Invalid SRS recipient address
forward:
  driver = redirect
  domains = first.test
  local_parts = u
  data = nobody@last.test
${routes(ports).replaceAll("transport = remote", "transport = forwarded")}
${home(mail).replace(
  "begin retry",
  "forwarded:\n  driver = smtp\n  max_rcpt = 1\n  return_path = ${srs_encode {SRS_SECRET}{$return_path}{$original_domain}}\nbegin retry",
)}`;
    const log = await deadEnd(t, ports);
    const first = await forwarder(t, ports.first, own);
    for (const [index, [sender, localPart]] of SENDERS.entries()) {
      await send(first.port, sender, "u@first.test");
      const pattern = new RegExp(`^"?SRS0=....=..=home\\.test=${localPart}"?@first\\.test$`);
      const forged = (await arrival(log, pattern)).replace("=joe", "=jim");
      const bounces = await messagesIn(first.mail, index + 1);
      assert.ok(bounces.every((bounce) => bounce.includes("nobody is called that")));
      const replies = await speak(first.port, ["EHLO c.test", "MAIL FROM:<>", `RCPT TO:<${forged}>`, "QUIT"]);
      assert.match(replies[3] ?? "", /^550 .*Invalid SRS recipient address/);
    }
  });

  test("go over one of us that keeps the sender itself to Exim, and back to him", async (t) => {
    if (needs(t, "exim-4.98") === undefined) return;
    const ports = await portsOf();
    const log = await deadEnd(t, ports);
    const first = await forwarder(
      t,
      ports.first,
      (mail) => `
primary_hostname = first.test
srs_secrets = a secret
${HEAD}
back:
  driver = redirect
  domains = first.test
  senders = :
  srs = reverse
  srs_dbselect = builtin
  data = \${srs_recipient}
forward:
  driver = redirect
  domains = first.test
  local_parts = u
  srs = forward
  srs_dbinsert = builtin
  data = nobody@last.test
${routes(ports)}
${home(mail)}`,
    );
    await send(first.port, "joe@home.test", "u@first.test");
    await arrival(log, /^SRS0=.{6}=..==[a-z2-7]{16}@first\.test$/);
    const [bounce = ""] = await messagesIn(first.mail);
    assert.match(bounce, /nobody is called that/);
  });
});
