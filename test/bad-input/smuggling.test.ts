import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { freePort, type MailServer, postfixIsMissing, startExim, startPostfix, startSmtpPeer } from "@postbus/testkit";
import { eventually } from "../support/eventually.ts";
import { runningPostbus, type Scope, temporaryDirectory } from "../support/fixture.ts";
import { needs } from "../support/programs.ts";
import { RawClient } from "./raw-client.ts";
import { type Attempt, attempts, endsEarly, isCanonical } from "./relayed-content.ts";

/** Takes everything, adds what somebody has tried to smuggle past it, and passes it on. */
const relaying = (port: number): string => `
daemon_smtp_ports = SMTP_PORT
local_interfaces = 127.0.0.1
acl_smtp_rcpt = accept
acl_smtp_data = data
begin acl
data:
  accept add_header = X-Evil: a\\n.\\nMAIL FROM:<evil@b.example>
begin routers
all:
  driver = accept
  transport = out
begin transports
out:
  driver = smtp
  hosts = 127.0.0.1::${port}
  hosts_override
begin retry
* * F,1h,1m
`;

interface Relay {
  /** @returns the code behind the content. */
  send(attempt: Attempt, way: "DATA" | "BDAT", packet?: number): Promise<string>;
}

async function relayTo(scope: Scope, port: number): Promise<Relay> {
  const file = join(await temporaryDirectory(scope, "smuggling"), "policy.conf");
  await writeFile(file, relaying(port));
  const { postbus } = await runningPostbus(scope, "--config", file);
  return {
    async send({ content }, way, packet) {
      const client = await RawClient.connect(postbus.port("smtp"));
      const expect = async (code: string): Promise<void> => assert.equal((await client.reply())?.slice(0, 3), code);
      await expect("220");
      await client.send("EHLO client.example\r\n");
      await expect("250");
      await client.send("MAIL FROM:<a@b.example>\r\nRCPT TO:<x@next.example>\r\n");
      await expect("250");
      await expect("250");
      if (way === "DATA") {
        await client.send("DATA\r\n");
        await expect("354");
        await client.send(`${content}.\r\n`, packet);
      } else {
        await client.send(`BDAT ${content.length} LAST\r\n${content}`, packet);
      }
      const code = (await client.reply())?.slice(0, 3) ?? "closed";
      await client.send("QUIT\r\n");
      await client.ended();
      client.close();
      return code;
    },
  };
}

/** Sends all attempts in all ways. @returns the subjects of those that were taken, each as often as it was. */
async function sendAll({ send }: Relay, packet?: number): Promise<string[]> {
  const taken: string[] = [];
  for (const attempt of attempts) {
    for (const way of ["DATA", "BDAT"] as const) {
      if (way === "DATA" && endsEarly(attempt.content)) continue;
      const code = await send(attempt, way, packet);
      assert.equal(code, isCanonical(attempt.content) ? "250" : "550", `${attempt.name} by ${way}`);
      if (code === "250") taken.push(attempt.subject);
    }
  }
  return taken.toSorted();
}

const subjectsIn = (messages: readonly string[]): string[] =>
  messages.map((message) => /^Subject: (attempt\S*)/m.exec(message)?.[1] ?? "none").toSorted();

test("what is taken comes to a strict next hop as one message each, whatever stands in it", async (t) => {
  await using hop = await startSmtpPeer();
  const relay = await relayTo(t, hop.port);
  const taken = [...(await sendAll(relay)), ...(await sendAll(relay, 1))].toSorted();
  assert.ok(taken.length > 0);
  await eventually(async () => hop.messages.length >= taken.length || undefined);
  assert.deepEqual(subjectsIn(hop.messages.map(({ content }) => content)), taken);
  for (const { content, returnPath, recipients } of hop.messages) {
    assert.ok(isCanonical(content), JSON.stringify(content));
    assert.deepEqual([returnPath, recipients], ["a@b.example", ["x@next.example"]]);
    // Taken out and put in again, dots are as they were.
    const attempt = attempts.find(({ subject }) => content.includes(`Subject: ${subject}\r\n`));
    const body = attempt?.content.slice(attempt.content.indexOf("\r\n\r\n")) ?? "none";
    assert.ok(
      [body, body.replaceAll("\r\n.", "\r\n")].some((want) => content.endsWith(want)),
      content,
    );
  }
  assert.ok(hop.commands.every((line) => !line.includes("evil")));
});

/** The contents of a mailbox of single files. */
async function filesIn(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch(() => []);
  return Promise.all(names.map((name) => readFile(join(directory, name), "latin1")));
}

const eximBox = (directory: string): string => `
primary_hostname = exim.test
begin routers
all:
  driver = accept
  transport = file
begin transports
file:
  driver = appendfile
  directory = ${directory}/spool/box
  maildir_format
  EXIM_USER
`;

interface Hop {
  readonly name: string;
  readonly missing: () => string | undefined;
  start(port: number, directory: string): Promise<MailServer>;
  /** Of the messages that it has seen: their subjects, sorted. */
  subjects(directory: string): Promise<string[]>;
}

const hops: readonly Hop[] = [
  ...["exim-4.96", "exim-4.98"].map(
    (name): Hop => ({
      name,
      missing: () => undefined,
      start: (port, directory) => startExim(name, eximBox(directory), { port, directory }),
      subjects: async (directory) => subjectsIn(await filesIn(join(directory, "spool", "box", "new"))),
    }),
  ),
  {
    name: "Postfix",
    missing: postfixIsMissing,
    async start(port, directory) {
      await writeFile(join(directory, "checks"), "/^Subject:/ INFO\n");
      const main = `default_transport = discard:\nmydestination =\nheader_checks = regexp:${directory}/checks`;
      return startPostfix(main, { port, directory });
    },
    async subjects(directory) {
      const log = await readFile(join(directory, "mail.log"), "latin1");
      assert.doesNotMatch(log, /evil@/);
      return [...log.matchAll(/header Subject: (\S+) from/g)].map(([, subject = ""]) => subject).toSorted();
    },
  },
];

for (const { name, missing, start, subjects } of hops) {
  test(`and to ${name}`, async (t) => {
    const why = missing();
    if (why !== undefined) return t.skip(`SKIPPED: ${why}`);
    if (name.startsWith("exim") && needs(t, name) === undefined) return;
    const directory = await temporaryDirectory(t, "next-hop");
    const hop = await start(await freePort(), directory);
    t.after(() => hop.stop());
    const taken = await sendAll(await relayTo(t, hop.port));
    await eventually(async () => (await subjects(directory)).length >= taken.length || undefined);
    assert.deepEqual(await subjects(directory), taken);
  });
}
