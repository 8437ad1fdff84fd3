import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { eximCommand, freePort, startExim, startSmtpPeer } from "@postbus/testkit";
import nodemailer from "nodemailer";
import { eventually } from "../support/eventually.ts";
import { runningPostbus, type Scope, temporaryDirectory } from "../support/fixture.ts";
import { messagesIn } from "../support/mailbox.ts";
import { needs } from "../support/programs.ts";
import { runScript } from "../support/scripted-client.ts";

/** Our example policy with further lines before it. */
async function policyWith(scope: Scope, lines: string): Promise<string> {
  const file = join(await temporaryDirectory(scope, "policy"), "p.conf");
  const example = await readFile(join(import.meta.dirname, "../../deploy/policies/postbus.conf"), "latin1");
  await writeFile(file, `${lines}\n${example}`);
  return file;
}

/** An Exim that writes down each command of the envelope, and takes all mail. */
const noting = (directory: string, options: string): string => `
primary_hostname = exim.test
acl_smtp_mail = noted
acl_smtp_rcpt = noted
${options}
begin acl
noted:
  accept logwrite = COMMAND $smtp_command
begin routers
all:
  driver = accept
  transport = file
begin transports
file:
  driver = appendfile
  file = ${directory}/spool/box
  EXIM_USER
`;

/** An Exim that takes everything to a port. */
const relaying = (port: number, options: string): string => `
primary_hostname = first.test
${options}
begin routers
all:
  driver = manualroute
  transport = out
  route_list = * 127.0.0.1
  self = send
begin transports
out:
  driver = smtp
  port = ${port}
  allow_localhost
  EXIM_USER
`;

/** The commands of the envelope that an Exim with `noting` has seen, when there are so many. */
async function commandsIn(directory: string, count: number): Promise<string[]> {
  for (let tries = 0; tries < 200; tries++) {
    const log = await readFile(join(directory, "log", "mainlog"), "latin1").catch(() => "");
    const commands = [...log.matchAll(/COMMAND (.*)/g)].map(([, command = ""]) => command);
    if (commands.length >= count) return commands;
    await delay(100);
  }
  throw new Error(`the next hop has not seen ${count} commands`);
}

/** Says a whole session to `exim -bs`, which delivers at once. */
async function sessionOf(name: string, config: string, directory: string, lines: readonly string[]): Promise<string> {
  const [command = "", ...args] = eximCommand(name, config, { port: await freePort(), directory });
  const exim = spawn(command, [...args, "-bs", "-odi"], { stdio: ["pipe", "pipe", "ignore"] });
  exim.stdin.end(lines.map((line) => `${line}\r\n`).join(""), "latin1");
  const [replies] = await Promise.all([exim.stdout.setEncoding("latin1").toArray(), once(exim, "exit")]);
  return replies.join("");
}

describe("what an Exim asks us for, we ask of the Exim behind us", () => {
  test("reports (DSN), as far as routers do not end it", async (t) => {
    if (needs(t, "exim-4.96") === undefined || needs(t, "exim-4.100") === undefined) return;
    const hop = await temporaryDirectory(t, "dsn-hop");
    const next = await startExim("exim-4.100", noting(hop, "dsn_advertise_hosts = *"), {
      port: await freePort(),
      directory: hop,
    });
    t.after(() => next.stop());
    const policy = await policyWith(t, "dsn_advertise_hosts = 127.0.0.1");
    const { postbus } = await runningPostbus(t, "--config", policy, `-DSMARTHOST=127.0.0.1::${next.port}`);
    const replies = await sessionOf(
      "exim-4.96",
      relaying(postbus.port("smtp"), "dsn_advertise_hosts = *"),
      await temporaryDirectory(t, "dsn-client"),
      [
        "EHLO x",
        "MAIL FROM:<snd@first.test> RET=HDRS ENVID=QQ+2B314",
        "RCPT TO:<u@dsn.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;u+2Bo@dsn.test",
        "RCPT TO:<v@dsn.test> NOTIFY=NEVER",
        "RCPT TO:<w@dsn.test>",
        "DATA",
        "Subject: reports",
        "",
        "text",
        ".",
        "QUIT",
      ],
    );
    assert.match(replies, /250 OK id=/);
    const [mail = "", ...rcpt] = await commandsIn(hop, 4);
    assert.match(mail, /^MAIL FROM:<snd@first\.test> SIZE=\d+ RET=HDRS ENVID=QQ\+2B314$/);
    assert.deepEqual(rcpt, [
      "RCPT TO:<u@dsn.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;u+2Bo@dsn.test",
      "RCPT TO:<v@dsn.test> NOTIFY=NEVER ORCPT=rfc822;v@dsn.test",
      "RCPT TO:<w@dsn.test>",
    ]);
  });

  test("addresses in UTF-8 (SMTPUTF8), and what next hops without it cannot have comes back", async (t) => {
    if (needs(t, "exim-4.96") === undefined || needs(t, "exim-4.100") === undefined) return;
    const hop = await temporaryDirectory(t, "utf8-hop");
    const port = await freePort();
    const next = await startExim("exim-4.100", noting(hop, ""), { port, directory: hop });
    t.after(() => next.stop());
    const running = await runningPostbus(t, `-DSMARTHOST=127.0.0.1::${port}`);
    const octets = (text: string): string => Buffer.from(text, "utf8").toString("latin1");
    const replies = await sessionOf(
      "exim-4.96",
      relaying(running.postbus.port("smtp"), ""),
      await temporaryDirectory(t, "utf8-client"),
      [
        "EHLO x",
        "MAIL FROM:<ann@example.test> SMTPUTF8",
        octets("RCPT TO:<jö@bücher.test>"),
        "DATA",
        octets("Subject: Grüße"),
        "",
        "text",
        ".",
        "QUIT",
      ],
    );
    assert.match(replies, /250 OK id=/);
    const [mail = "", ...rcpt] = await commandsIn(hop, 2);
    assert.match(mail, /^MAIL FROM:<ann@example\.test> SIZE=\d+ SMTPUTF8$/);
    assert.deepEqual(
      rcpt.map((text) =>
        text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
      ),
      [octets("RCPT TO:<jö@bücher.test>")],
    );
    const box = await eventually(async () => {
      const text = await readFile(join(hop, "spool", "box"), "utf8").catch(() => "");
      return text.endsWith("\n\n") ? text : undefined;
    });
    assert.match(box, /^\tby \S+ with UTF8ESMTP/m);
    assert.match(box, /^Subject: Grüße$/m);
  });

  test("domains in UTF-8 for a next hop without SMTPUTF8, as A-labels", async (t) => {
    await using peer = await startSmtpPeer({ keywords: ["PIPELINING", "8BITMIME"] });
    const running = await runningPostbus(t, `-DSMARTHOST=127.0.0.1::${peer.port}`);
    const octets = (text: string): string => Buffer.from(text, "utf8").toString("latin1");
    const lines = [
      "EHLO x",
      "MAIL FROM:<s@müller.test> SMTPUTF8",
      "RCPT TO:<r@bücher.test>",
      "DATA",
      "Subject: Grüße\n\ntext\n.",
    ];
    const replies = await runScript(running.postbus.port("smtp"), lines.map(octets));
    assert.match(replies.at(-1) ?? "", /^250 .*id=/);
    const { returnPath, recipients, content } = await eventually(async () => peer.messages[0]);
    assert.deepEqual([returnPath, ...recipients], ["s@xn--mller-kva.test", "r@xn--bcher-kva.test"]);
    assert.ok(content.includes(octets("\r\nSubject: Grüße\r\n")), "the content stays as it is");
    assert.ok(!peer.commands.some((command) => command.includes("SMTPUTF8")));
  });

  test("answers for each recipient (PRDR): Exim takes them as they are, by DATA and by BDAT", async (t) => {
    if (needs(t, "exim-4.98") === undefined) return;
    for (const chunking of ["", "*"]) {
      const acl =
        "deny local_parts = bad\\n message = not for bad\\n defer local_parts = later\\n message = come again\\n accept";
      const policy = await policyWith(
        t,
        `prdr_enable\nchunking_advertise_hosts = ${chunking}\nacl_smtp_data_prdr = "${acl}"`,
      );
      const running = await runningPostbus(t, "--config", policy);
      const directory = await temporaryDirectory(t, "prdr-client");
      const replies = await sessionOf("exim-4.98", relaying(running.postbus.port("smtp"), ""), directory, [
        "EHLO x",
        "MAIL FROM:<>",
        ...["ann", "bad", "later", "bob"].map((name) => `RCPT TO:<${name}@example.test>`),
        "DATA",
        "Subject: prdr",
        "",
        "text",
        ".",
        "QUIT",
      ]);
      assert.match(replies, /250 OK id=/);
      const log = await eventually(async () => {
        const text = await readFile(join(directory, "log", "mainlog"), "latin1").catch(() => "");
        return text.includes("== later") && text.includes("** bad") ? text : undefined;
      });
      assert.match(log, /=> ann@example\.test R=all .* PRDR .*C="250 .*PRDR R=<ann@example\.test> acceptance/);
      assert.match(log, /[-=]> bob@example\.test R=all .* PRDR .*C="250 /);
      assert.match(log, /\*\* bad@example\.test .*PRDR error after .*: 550 .*not for bad/);
      assert.match(log, /== later@example\.test .*PRDR error after .*: 450 .*come again/);
      const [message = ""] = await messagesIn(running.mailbox("ann"));
      assert.match(message, /^Subject: prdr\r?$/m);
      assert.deepEqual(await messagesIn(running.mailbox("bad"), 0), []);
    }
  });

  test("nodemailer sends to a mailbox with a name in UTF-8, and hears of next hops that cannot", async (t) => {
    await using peer = await startSmtpPeer({ keywords: ["PIPELINING", "8BITMIME"] });
    const running = await runningPostbus(t, `-DSMARTHOST=127.0.0.1::${peer.port}`);
    const transport = nodemailer.createTransport({
      host: "127.0.0.1",
      port: running.postbus.port("smtp"),
      ignoreTLS: true,
    });
    const sent = await transport.sendMail({
      envelope: { from: "ann@example.test", to: ["jörg@example.test", "ö@elsewhere.test"] },
      subject: "to Jörg",
      text: "Grüße",
    });
    transport.close();
    assert.match(sent.response, /^250 /);
    const [message = ""] = await messagesIn(running.mailbox("jörg"));
    assert.match(message, /with UTF8ESMTP/);
    const [bounce = ""] = await messagesIn(running.mailbox("ann"));
    assert.match(bounce, /utf8 support required but not offered for forwarding/);
  });
});
