import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { freePort, startExim, startPostbus, startSmtpPeer } from "@postbus/testkit";
import { speak } from "../examples/running-program.ts";
import { eventually } from "../support/eventually.ts";
import { temporaryDirectory } from "../support/fixture.ts";
import { needs } from "../support/programs.ts";

interface Wishes {
  /** Whom messages of its own are to name. */
  readonly name: string | undefined;
  /** Where mailboxes are. */
  readonly mail: string;
}

/** Mail goes to a host that wants AUTH, refuses one address and puts off another; what comes back to the sender goes there, too. */
const policy = (port: number, { name, mail }: Wishes): string => `
primary_hostname = mx.test
qualify_domain = mx.test
${name === undefined ? "" : `bounce_sender_authentication = ${name}`}
freeze_tell = admin@mx.test
delay_warning = 1s
keep_environment =
acl_smtp_rcpt = rcpt
acl_smtp_data = accept

begin acl
rcpt:
  accept local_parts = frozen
         control = freeze
  accept

begin routers
wrong:
  driver = redirect
  local_parts = wrong
  data = ok@b.test, bad@@address
  skip_syntax_errors
  syntax_errors_to = postmaster@mx.test
away:
  driver = accept
  local_parts = away
  transport = reply
full:
  driver = accept
  local_parts = full
  transport = box
all:
  driver = manualroute
  route_list = * 127.0.0.1::${port}
  self = send
  transport = remote

begin transports
reply:
  driver = autoreply
  to = $sender_address
  subject = away
  text = gone for a week
  EXIM_USER
box:
  driver = appendfile
  file = ${mail}
  quota = 1M
  quota_warn_threshold = 10
  quota_warn_message = "To: owner@b.test\\nSubject: nearly full\\n\\n"
  EXIM_USER
remote:
  driver = smtp
  allow_localhost
  hosts_require_auth = *
  EXIM_USER

begin retry
*  *  F,1h,1s

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ^us^secret
`;

type Start = (t: TestContext, config: string) => Promise<number>;

const exim: Start = async (t, config) => {
  const directory = await temporaryDirectory(t, "bounce-auth-exim");
  const server = await startExim("exim-4.98", config, { port: await freePort(), directory }, "-q1s");
  t.after(() => server.stop());
  return server.port;
};

const postbus: Start = async (t, config) => {
  const directory = await temporaryDirectory(t, "bounce-auth");
  const own = "daemon_smtp_ports = 0\nlocal_interfaces = 127.0.0.1\n";
  await writeFile(join(directory, "postbus.conf"), own + config.replaceAll("EXIM_USER", ""), "latin1");
  const server = await startPostbus({ args: ["--data", directory, "--config", join(directory, "postbus.conf")] });
  t.after(() => server.stop());
  return server.port("smtp");
};

/** Messages that a host writes itself: of what each comes, and what it is known by. */
const KINDS = {
  gone: "Subject: Mail delivery failed: returning message to sender",
  later: "Subject: Warning: message",
  frozen: "Subject: Message frozen",
  wrong: "Subject: error(s) in forwarding or filtering",
} as const;
/**
 * What transports write. As the user that it runs as in tests, Exim cannot start itself once more for them; where it could, it
 * has said the same (4.98.2).
 */
const OF_TRANSPORTS = { away: "Subject: away", full: "Subject: nearly full" } as const;

/** What MAIL says, in whatever transaction, when all of them have come. */
async function mailCommands(
  t: TestContext,
  start: Start,
  name: string | undefined,
  kinds: Readonly<Record<string, string>>,
) {
  await using peer = await startSmtpPeer({
    keywords: ["AUTH PLAIN"],
    answer: ({ moment, line }) => {
      if (moment === "AUTH") return "235 ok";
      if (moment !== "RCPT") return undefined;
      if (line.includes("later@")) return "451 later";
      return line.includes("gone@") ? "550 no" : undefined;
    },
  });
  const mail = join(await temporaryDirectory(t, "bounce-auth-mail"), "mbox");
  const port = await start(t, policy(peer.port, { name, mail }));
  for (const of of Object.keys(kinds)) {
    const message = "From: s@c.test\r\na: b\r\n\r\nx\r\n.";
    await speak(port, ["EHLO c.test", "MAIL FROM:<s@c.test>", `RCPT TO:<${of}@b.test>`, "DATA", message]);
  }
  const has = (subject: string) => peer.messages.some(({ content }) => content.includes(subject));
  await eventually(async () => Object.values(kinds).every(has) || undefined);
  return [...new Set(peer.commands.filter((command) => command.startsWith("MAIL ")))].sort();
}

for (const [name, argument] of [
  ["reports+1@mx.test", " AUTH=reports+2B1@mx.test"],
  [undefined, ""],
] as const) {
  test(`as whom all that a host writes itself is sent where we authenticate is what Exim says: ${name ?? "nobody"}`, async (t) => {
    if (needs(t, "exim-4.98") === undefined) return;
    const theirs = await mailCommands(t, exim, name, KINDS);
    assert.deepEqual(theirs, [`MAIL FROM:<>${argument}`, "MAIL FROM:<s@c.test>"]);
    assert.deepEqual(await mailCommands(t, postbus, name, { ...KINDS, ...OF_TRANSPORTS }), theirs);
  });
}
