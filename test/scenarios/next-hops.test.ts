import assert from "node:assert/strict";
import { chmod, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import {
  freePort,
  openSmtpdIsMissing,
  postfixIsMissing,
  startExim,
  startOpenSmtpd,
  startPostfix,
  startRecordingSink,
  startSmtpPeer,
  submit,
} from "@postbus/testkit";
import nodemailer from "nodemailer";
import { eventually } from "../support/eventually.ts";
import { runningPostbus, type Scope, temporaryDirectory } from "../support/fixture.ts";
import { messagesIn } from "../support/mailbox.ts";
import { needs } from "../support/programs.ts";

const message = { connections: 2, messages: 5, prefix: "hop" } as const;

const EXIMS = ["exim-4.96", "exim-4.98", "exim-4.100"] as const;
type Hop = "sink" | "postfix" | "opensmtpd" | (typeof EXIMS)[number];

const scope: Scope = { after };
const sink = await startRecordingSink({ keepContents: true });
scope.after(() => sink.stop());
const ports = new Map<Hop, number>([["sink", sink.port]]);
for (const name of [...EXIMS, "postfix", "opensmtpd"] as const) ports.set(name, await freePort());

/** One program for all of them: each has a domain of its own. They need not be there before there is mail for them. */
const hosts = [...ports].map(([hop, port]) => `${hop}.test="127.0.0.1::${port}"`);
const { postbus } = await runningPostbus(scope, `-DSMARTHOST=\${extract{$domain}{${hosts.join(" ")}}}`);

const portOf = (hop: Hop): number => ports.get(hop) ?? 0;
const recipientsAt = (hop: Hop): readonly string[] => [`user@${hop}.test`, `other@${hop}.test`];

const send = (recipients: readonly string[]): Promise<unknown> =>
  submit({ ...message, port: postbus.port("smtp"), recipients: () => recipients });

async function textOf(file: string, pattern: RegExp, count: number): Promise<string> {
  for (let tries = 0; tries < 600; tries++) {
    const text = await readFile(file, "latin1").catch(() => ""); // Made with the first delivery.
    if ((text.match(pattern)?.length ?? 0) >= count) return text;
    await delay(100);
  }
  throw new Error(`${file} has not ${count} times ${pattern}`);
}

describe("we deliver to independent software", () => {
  test("the smtp-server package", async () => {
    await send(recipientsAt("sink"));
    await sink.waitFor(["hop-0 user@sink.test", "hop-4 other@sink.test"], 60_000);
    for (const content of sink.contents) assert.equal(content.replaceAll("\r\n", "").match(/[\r\n]/), null);
    assert.deepEqual(
      [...sink.received.values()].filter((count) => count !== 1),
      [],
    );
  });

  for (const name of EXIMS) {
    test(name, async (t) => {
      if (needs(t, name) === undefined) return;
      const directory = await temporaryDirectory(t, "exim-hop");
      const config = `
primary_hostname = exim.test
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
      const exim = await startExim(name, config, { port: portOf(name), directory });
      try {
        await send([`user@${name}.test`]);
        const text = await textOf(join(directory, "spool", "box"), /^X-Load-Id: /gm, 5);
        for (let n = 0; n < 5; n++) assert.match(text, new RegExp(`^X-Load-Id: hop-${n}$`, "m"));
      } finally {
        await exim.stop();
      }
    });
  }

  test("Postfix", async (t) => {
    const missing = postfixIsMissing();
    if (missing !== undefined) return t.skip(`SKIPPED: ${missing}`);
    const directory = await temporaryDirectory(t, "postfix-hop");
    const main = `
myhostname = mx.postfix.test
mydestination =
virtual_mailbox_domains = postfix.test
virtual_mailbox_base = ${directory}/data
virtual_mailbox_maps = static:box/
virtual_uid_maps = static:65533
virtual_gid_maps = static:65533
`;
    const postfix = await startPostfix(main, { port: portOf("postfix"), directory });
    await chmod(join(directory, "data"), 0o777);
    try {
      await send(["user@postfix.test"]);
      const messages = await messagesIn(join(directory, "data", "box"), 5);
      assert.equal(messages.filter((text) => /^X-Load-Id: hop-\d$/m.test(text)).length, 5);
    } finally {
      await postfix.stop();
    }
  });

  test("OpenSMTPD, which hands it on", async (t) => {
    const missing = openSmtpdIsMissing();
    if (missing !== undefined) return t.skip(`SKIPPED: ${missing}`);
    const directory = await temporaryDirectory(t, "opensmtpd-hop");
    await using behind = await startSmtpPeer();
    const openSmtpd = await startOpenSmtpd(behind.port, { port: portOf("opensmtpd"), directory });
    try {
      const recipients = recipientsAt("opensmtpd");
      await send(recipients);
      const arrived = await eventually(async () => {
        const all = behind.messages.flatMap(({ recipients: to, content }) =>
          to.map((recipient) => `${/^X-Load-Id: (hop-\d)\r$/m.exec(content)?.[1]} ${recipient}`),
        );
        return all.length >= 10 ? all : undefined;
      });
      const wanted = [0, 1, 2, 3, 4].flatMap((n) => recipients.map((recipient) => `hop-${n} ${recipient}`));
      assert.deepEqual(arrived.toSorted(), wanted.toSorted());
    } finally {
      await openSmtpd.stop();
    }
  });

  test("a next hop that refuses makes a bounce, one that says later makes a retry", async (t) => {
    const asked = new Map<string, number>();
    const sink = await startRecordingSink({
      refuse(recipient) {
        const count = (asked.get(recipient) ?? 0) + 1;
        asked.set(recipient, count);
        if (recipient === "never@sink.test") return { code: 550, text: "5.1.1 no such user" };
        if (recipient === "later@sink.test" && count < 3) return { code: 450, text: "4.2.0 later" };
        return undefined;
      },
    });
    const running = await runningPostbus(t, `-DSMARTHOST=127.0.0.1::${sink.port}`, "-DRETRY=F,1h,1s");
    const transport = nodemailer.createTransport({
      port: running.postbus.port("smtp"),
      host: "127.0.0.1",
      ignoreTLS: true,
    });
    await transport.sendMail({
      envelope: { from: "ann@example.test", to: ["never@sink.test", "later@sink.test", "now@sink.test"] },
      subject: "mixed fates",
      headers: { "X-Load-Id": "mixed" },
      text: "body",
    });
    transport.close();
    await sink.waitFor(["mixed now@sink.test", "mixed later@sink.test"], 60_000);
    const [bounce = ""] = await messagesIn(running.mailbox("ann"));
    assert.match(bounce, /^Content-Type: multipart\/report; *(\n\s+)?.*report-type="?delivery-status"?/m);
    assert.match(bounce, /never@sink\.test/);
    assert.match(bounce, /^Status: 5\.1\.1$/m);
    assert.doesNotMatch(bounce, /later@sink\.test/);
    assert.equal(asked.get("later@sink.test"), 3);
    assert.equal(asked.get("now@sink.test"), 1);
    await sink.stop();
  });
});
