import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { startSmtpPeer } from "@postbus/testkit";
import { eventually } from "./support/eventually.ts";
import { runningPostbus, temporaryDirectory } from "./support/fixture.ts";
import { messagesIn } from "./support/mailbox.ts";
import { runScript } from "./support/scripted-client.ts";

const policy = (peer: number, box: string): string => `
primary_hostname = mx.a.test
local_interfaces = 127.0.0.1
daemon_smtp_ports = 0
bounce_return_size_limit = 2M
acl_smtp_rcpt = accept
begin routers
far:
  driver = accept
  domains = far.test
  transport = far
near:
  driver = accept
  transport = near
begin transports
far:
  driver = smtp
  hosts = 127.0.0.1
  port = ${peer}
  allow_localhost
near:
  driver = appendfile
  directory = ${box}
  maildir_format
`;

describe("a large message that is refused", () => {
  test("comes back whole where bounce_return_size_limit lets it, and leaves nothing behind", async (t) => {
    await using peer = await startSmtpPeer({
      answer: ({ moment }) => (moment === "RCPT" ? "550 no such user" : undefined),
    });
    const directory = await temporaryDirectory(t, "large-bounce");
    const config = join(directory, "postbus.conf");
    await writeFile(config, policy(peer.port, join(directory, "box")));
    const { postbus, data } = await runningPostbus(t, "--config", config);
    const body = `${"0123456789".repeat(7)}\n`.repeat(10_000);
    const message = `Subject: a large one\nFrom: <ann@a.test>\n\n${body}.`;
    const replies = await runScript(postbus.port("smtp"), [
      ...["EHLO c.test", "MAIL FROM:<ann@a.test>", "RCPT TO:<nobody@far.test>", "DATA", message, "QUIT"],
    ]);
    assert.match(replies.join("\n"), /^250 2.0.0 OK id=/m);
    const [bounce = ""] = await messagesIn(join(directory, "box"));
    const at = bounce.indexOf("Subject: a large one\n");
    assert.match(bounce.slice(0, at), /^Content-Type: message\/rfc822$/m);
    assert.ok(bounce.includes(`\n\n${body}\n--`), "the whole body, and the end of the report");
    await eventually(async () => ((await readdir(join(data, "bus", "spool"))).length === 0 ? true : undefined));
    const log = await readFile(join(data, "log", "mainlog"), "latin1");
    assert.match(log, /<= <> R=\S+ P=local S=7\d{5}\b/);
  });
});
