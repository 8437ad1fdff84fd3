import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { ourSession } from "../../services/postbus/test/session/both-sessions.ts";
import { runningPostbus, temporaryDirectory } from "../support/fixture.ts";
import { runScript } from "../support/scripted-client.ts";

const CONFIG = `primary_hostname = mx.test
smtp_active_hostname = \${if eq{$sender_host_address}{127.0.0.1}{local.test}{mx.test}}
message_size_limit = \${if eq{$sender_host_address}{127.0.0.1}{2000}{1000}}
helo_allow_chars = _
recipients_max = 3
recipients_max_reject
prdr_enable
smtp_max_unknown_commands = 1
sender_unqualified_hosts = 127.0.0.1
recipient_unqualified_hosts = 127.0.0.1
qualify_domain = q.test
acl_smtp_mail = mail
acl_smtp_rcpt = rcpt
acl_smtp_data = data
begin acl
mail:
  accept message = from $sender_address
rcpt:
  deny local_parts = no
  accept message = to $local_part@$domain
data:
  accept message = <$h_from:> <$h_to:> <$h_return-path:> <$h_authentication-results:> $dmarc_status
begin rewrite
*@old.test $1@new.test
^!(.*) $1@bang.test S
*@late.test "\${lookup redis{GET x}}@x.test" F
`;

const MESSAGE = [
  "Return-Path: <x@y>",
  "Authentication-Results: mx.test; spf=pass",
  "From: Ann <ann@old.test>",
  "To: bob, carl@old.test",
  "",
  "text",
  ".",
].join("\n");

const SESSIONS: readonly (readonly string[])[] = [
  ["EHLO a_b", "MAIL FROM:<ann@old.test>", "RCPT TO:<bob>", "RCPT TO:<carl@old.test>", "DATA", MESSAGE, "QUIT"],
  ["EHLO a/b", "HELO c", "MAIL FROM:!dan", "RSET", "MAIL FROM:<a@late.test>", "QUIT"],
  ["EHLO c", "MAIL FROM:<a@b.test> SIZE=3000", "MAIL FROM:<a@b.test> SIZE=1500", "QUIT"],
  ["EHLO c", "MAIL FROM:<>", "RCPT TO:<no@b.test>", "RCPT TO:<a>", "RCPT TO:<b>", "RCPT TO:<c>", "DATA", "QUIT"],
  ["EHLO c", "VRFY a", "EXPN a", "ETRN #a", "HELP", "X", "Y"],
  ["EHLO c", "MAIL FROM:<a> BODY=8BITMIME PRDR", "RCPT TO:<b>", "BDAT 0 LAST", "QUIT"],
];

const comparable = (reply: string): string =>
  reply.replace(/^(\d{3}[ -])\d\.\d{1,3}\.\d{1,3} /, "$1").replace(/ id=\S+/, " id=ID");

/** All lines of a session of `postbus session` that end a reply. */
const lastLines = (replies: string): string[] => replies.split("\r\n").filter((line) => /^\d{3} /.test(line));

describe("postbus session answers as the gateway does", () => {
  test("but for status codes", async (t) => {
    const directory = await temporaryDirectory(t, "session-command");
    const file = join(directory, "p.conf");
    const config = `daemon_smtp_ports = 0\nlocal_interfaces = 127.0.0.1\n${CONFIG}`;
    await writeFile(file, config);
    const { postbus } = await runningPostbus(t, "--config", file);
    for (const lines of SESSIONS) {
      const want = (await runScript(postbus.port("smtp"), lines)).map(comparable);
      const said = await ourSession(join(directory, "own"), config, lines.join("\n").split("\n"), {
        client: "127.0.0.1",
      });
      assert.deepEqual(lastLines(said?.replies ?? "").map(comparable), want, `${lines.join("\n")}\n${said?.log}`);
    }
  });
});
