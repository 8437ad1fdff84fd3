import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { createSecureContext } from "node:tls";
import {
  freePort,
  makeCertificate,
  type PeerAction,
  type PeerMoment,
  startPostbus,
  startSmtpPeer,
} from "@postbus/testkit";
import { eventually } from "../support/eventually.ts";
import { temporaryDirectory } from "../support/fixture.ts";

/** HELO says which one is meant. */
const VERIFICATIONS: Readonly<Record<string, string>> = {
  recipient: "recipient/callout=2s,no_cache",
  sender: "sender/callout=2s,no_cache",
  random: "recipient/callout=2s,random,no_cache",
  postmaster: "sender/callout=2s,postmaster,no_cache",
  full: "sender/callout=2s,fullpostmaster,postmaster_mailfrom=x@y.test,no_cache",
  bysender: "recipient/callout=2s,use_sender,no_cache",
  bypostmaster: "recipient/callout=2s,use_postmaster,no_cache",
  deferring: "recipient/callout=2s,defer_ok,no_cache",
  quiet: "sender/no_details/callout=2s,no_cache",
  short: "recipient/callout=1s,no_cache",
  broken: "sender/callout=2s,postmaster,postmaster_mailfrom=a@b.test>\\nNOOP,no_cache",
  cached: "recipient/callout=2s,random,postmaster",
};

const policyOf = (port: number, deadPort: number) => `
primary_hostname = mx.test
local_interfaces = 127.0.0.1
daemon_smtp_ports = 0
callout_random_local_part = nobody-testing
acl_smtp_rcpt = check
begin acl
check:
${Object.entries(VERIFICATIONS)
  .map(
    ([name, verify]) => `  accept condition = \${if eq{$sender_helo_name}{${name}}}\n  endpass\n  verify = ${verify}`,
  )
  .join("\n")}
begin routers
dead:
  driver = manualroute
  domains = dead.test
  route_data = 127.0.0.1::${deadPort}
  self = send
  transport = t
here:
  driver = accept
  domains = here.test
  transport = boxes
there:
  driver = manualroute
  route_data = 127.0.0.1::${port}
  self = send
  transport = t
begin transports
t:
  driver = smtp
  allow_localhost
boxes:
  driver = appendfile
  directory = /nonexistent
  maildir_format
begin retry
* * F,1h,1m
`;

const GONE = "550 5.1.1 no such user";

/** What the peer says; the program is the same for all rows. */
let answers: Partial<Record<PeerMoment | `RCPT ${string}`, PeerAction>> = {};

const certificate = makeCertificate("peer.test");
const peer = await startSmtpPeer({
  tls: createSecureContext({ cert: certificate.certificate, key: certificate.privateKey }),
  answer: ({ moment, line }) => {
    const recipient = /<(.*)>/.exec(line)?.[1] ?? "";
    return (moment === "RCPT" ? answers[`RCPT ${recipient}`] : undefined) ?? answers[moment];
  },
});
const directory = await temporaryDirectory({ after }, "callout");
const file = join(directory, "p.conf");
const data = join(directory, "data");
const log = join(data, "log/mainlog");
await writeFile(file, policyOf(peer.port, await freePort()));
const postbus = await startPostbus({
  args: ["--config", file, "--data", data],
  env: { POSTBUS_HTTP: "127.0.0.1:0" },
});
after(async () => {
  await postbus.stop();
  await peer[Symbol.asyncDispose]();
});

/** The reply to RCPT, without the enhanced code. */
async function replyTo(helo: string, recipient = "u@dom.test", sender = "s@snd.test"): Promise<string[]> {
  const socket = connect({ port: postbus.port("smtp"), host: "127.0.0.1" });
  socket.setTimeout(60_000, () => socket.destroy(new Error("no reply in 60 s")));
  let said = "";
  const until = async (end: RegExp): Promise<string> => {
    while (!end.test(said)) said += String((await once(socket, "data"))[0]);
    const all = said;
    said = "";
    return all;
  };
  await until(/^220 .*\r\n$/m);
  socket.write(`EHLO ${helo}\r\n`);
  await until(/^250 .*\r\n$/m);
  socket.write(`MAIL FROM:<${sender}>\r\n`);
  await until(/^250 .*\r\n$/m);
  socket.write(`RCPT TO:<${recipient}>\r\n`);
  const reply = await until(/^[245]\d\d .*\r\n$/m);
  socket.end("QUIT\r\n");
  return reply
    .trimEnd()
    .split("\r\n")
    .map((line) => line.replace(/^(\d{3}[ -])\d\.\d\.\d /, "$1"));
}

/** Since the last one, without EHLO and STARTTLS. */
let seen = 0;
function commands(): string[] {
  const all = peer.commands.slice(seen).filter((line) => !/^(?:EHLO|STARTTLS|QUIT)/.test(line));
  seen = peer.commands.length;
  return all;
}

interface Row {
  readonly helo: string;
  readonly peer?: typeof answers;
  readonly recipient?: string;
  /** Lines of the reply: all of them. */
  readonly reply: readonly RegExp[];
  /** Somewhere in the log. */
  readonly log?: RegExp;
  readonly commands?: readonly string[];
}

const SENT = ["MAIL FROM:<>", "RCPT TO:<u@dom.test>"];
const H = "H=\\(\\w+\\) \\[127.0.0.1\\]";
const AT = "127.0.0.1 \\[127.0.0.1\\] :";

/** Replies and log lines of exim-4.98 -bhc against the same peer, but for what is said to stand in our own words. */
const rows: readonly Row[] = [
  { helo: "recipient", reply: [/^250 /], commands: SENT },
  {
    helo: "recipient",
    peer: { RCPT: GONE },
    reply: [/^550-Callout verification failed:$/, /^550 550 5\.1\.1 no such user$/],
    log: new RegExp(
      `${H} F=<s@snd.test> rejected RCPT <u@dom.test>: ${AT} SMTP error from remote mail server after RCPT TO:<u@dom.test>: 550 5.1.1 no such user`,
    ),
  },
  {
    helo: "recipient",
    peer: { RCPT: "550-5.1.1 no\n550 5.1.1 such user" },
    reply: [/^550-Callout verification failed:$/, /^550-550-5\.1\.1 no$/, /^550 550 5\.1\.1 such user$/],
  },
  {
    helo: "recipient",
    peer: { RCPT: "450 4.2.1 later" },
    reply: [/^451 Could not complete recipient verify callout$/],
    log: new RegExp(
      `temporarily rejected RCPT <u@dom.test>: Could not complete recipient verify callout: ${AT} SMTP error from remote mail server after RCPT TO:<u@dom.test>: 450 4.2.1 later`,
    ),
  },
  {
    helo: "recipient",
    peer: { MAIL: "550 no null" },
    reply: [/^550-Callout verification failed:$/, /^550 550 no null$/],
    commands: ["MAIL FROM:<>"],
  },
  { helo: "recipient", peer: { MAIL: "450 later" }, reply: [/^451 Could not complete recipient verify callout$/] },
  { helo: "recipient", peer: { connect: "554 go away" }, reply: [/^550-Callout/, /^550 554 go away$/] },
  {
    helo: "recipient",
    peer: { connect: "421 busy" },
    reply: [/^451 Could not/],
    log: /after initial connection: 421 busy/,
  },
  { helo: "recipient", peer: { EHLO: "550 what" }, reply: [/^250 /], commands: ["HELO mx.test", ...SENT] },
  { helo: "recipient", peer: { EHLO: "550 what", HELO: "550 no helo" }, reply: [/^550-Callout/, /^550 550 no helo$/] },
  {
    helo: "recipient",
    peer: { RCPT: { do: "cut" } },
    reply: [/^451 Could not/],
    log: /Could not complete recipient verify callout: .* : response to "RCPT TO:<u@dom.test>" was: connection dropped/,
  },
  { helo: "recipient", peer: { STARTTLS: { raw: "220 go\r\n250 injected\r\n" } }, reply: [/^250 /] },
  {
    helo: "recipient",
    peer: { RCPT: { raw: "hello\r\n" } },
    reply: [/^451 /],
    log: /Malformed SMTP reply in response to RCPT/,
  },
  { helo: "recipient", peer: { RCPT: { raw: "250-a\r\n".repeat(60_000) } }, reply: [/^451 /] },
  {
    helo: "recipient",
    recipient: "u@dead.test",
    reply: [/^451 Could not complete recipient verify callout$/],
    log: new RegExp(`Could not complete recipient verify callout: ${AT} Connection refused`),
  },
  { helo: "recipient", recipient: "u@here.test", reply: [/^250 /], commands: [] },
  { helo: "short", peer: { RCPT: { do: "stall" } }, reply: [/^451 /], log: /SMTP timeout after RCPT TO:<u@dom.test>/ },
  { helo: "deferring", peer: { RCPT: "450 later" }, reply: [/^250 /] },
  { helo: "deferring", peer: { RCPT: GONE }, reply: [/^550-/, /^550 /] },
  { helo: "bysender", reply: [/^250 /], commands: ["MAIL FROM:<s@snd.test>", "RCPT TO:<u@dom.test>"] },
  { helo: "bypostmaster", reply: [/^250 /], commands: ["MAIL FROM:<postmaster@mx.test>", "RCPT TO:<u@dom.test>"] },
  { helo: "random", reply: [/^250 /], commands: ["MAIL FROM:<>", "RCPT TO:<nobody-testing@dom.test>"] },
  {
    helo: "random",
    peer: { "RCPT nobody-testing@dom.test": GONE },
    reply: [/^250 /],
    commands: ["MAIL FROM:<>", "RCPT TO:<nobody-testing@dom.test>", "RSET", ...SENT],
  },
  { helo: "random", peer: { RCPT: GONE }, reply: [/^550-Callout/, /^550 550 5.1.1 no such user/] },
  { helo: "random", peer: { RCPT: "450 x" }, reply: [/^451 Could not/] },
  { helo: "sender", reply: [/^250 /], commands: ["MAIL FROM:<>", "RCPT TO:<s@snd.test>"] },
  {
    helo: "sender",
    peer: { RCPT: GONE },
    reply: [
      /^550-Verification failed for <s@snd\.test>$/,
      /^550-Called: {3}127\.0\.0\.1$/,
      /^550-Sent: {5}RCPT TO:<s@snd\.test>$/,
      /^550-Response: 550 5\.1\.1 no such user$/,
      /^550 Sender verify failed$/,
    ],
    log: /rejected RCPT <u@dom.test>: Sender verify failed$/m,
  },
  {
    helo: "sender",
    peer: { RCPT: "450 later" },
    reply: [/^451 Could not complete sender verify callout$/],
    log: /temporarily rejected RCPT <u@dom.test>: Could not complete sender verify callout$/m,
  },
  {
    helo: "sender",
    peer: { MAIL: "550 no null" },
    reply: [
      /^550-Callback setup failed while verifying <s@snd\.test>$/,
      /Called/,
      /Sent: {5}MAIL FROM:<>$/,
      /Response: 550 no null$/,
      /^550-/,
      /^550-/,
      /^550-/,
      /^550 Sender verify failed$/,
    ],
  },
  {
    helo: "postmaster",
    peer: { "RCPT postmaster@snd.test": GONE },
    reply: [
      /^550-Postmaster verification failed while checking <s@snd\.test>$/,
      /Called/,
      /Sent: {5}RCPT TO:<postmaster@snd.test>$/,
      /Response/,
      /^550-/,
      /^550-/,
      /^550 Sender verify failed$/,
    ],
    commands: ["MAIL FROM:<>", "RCPT TO:<s@snd.test>", "RSET", "MAIL FROM:<>", "RCPT TO:<postmaster@snd.test>"],
  },
  {
    helo: "full",
    peer: { "RCPT postmaster@snd.test": GONE },
    reply: [/^250 /],
    commands: [
      "MAIL FROM:<>",
      "RCPT TO:<s@snd.test>",
      "RSET",
      "MAIL FROM:<x@y.test>",
      "RCPT TO:<postmaster@snd.test>",
      "RCPT TO:<postmaster>",
    ],
  },
  {
    helo: "broken",
    reply: [/^451 Could not complete sender verify callout$/],
    log: /temporarily rejected RCPT <u@dom\.test>: Could not complete sender verify callout$/m,
    commands: [],
  },
  { helo: "quiet", peer: { RCPT: GONE }, reply: [/^550 Sender verify failed$/] },
];

describe('callouts (Exim\'s manual, "Callout verification")', () => {
  for (const { helo, peer: said = {}, recipient, reply, log: line, commands: sent } of rows) {
    test(`${VERIFICATIONS[helo]} of ${recipient ?? "u@dom.test"}, and the host says ${JSON.stringify(said).slice(0, 100)}`, async () => {
      answers = said;
      const lines = await replyTo(helo, recipient);
      assert.equal(lines.length, reply.length, lines.join("\n"));
      for (const [i, pattern] of reply.entries()) assert.match(lines[i] ?? "", pattern);
      if (sent === undefined) commands();
      else assert.deepEqual(commands(), sent);
      if (line !== undefined) await eventually(async () => line.test(await readFile(log, "latin1")) || undefined);
    });
  }

  test("what a host has said is remembered, by the domain where that is enough", async () => {
    commands();
    answers = { RCPT: GONE, "RCPT good@kept.test": "250 ok", "RCPT postmaster@kept.test": "250 ok" };
    const ask = async (name: string) => [
      (await replyTo("cached", `${name}@kept.test`))[0]?.slice(0, 3),
      commands().length,
    ];
    assert.deepEqual(await ask("good"), ["250", 8]);
    assert.deepEqual(await ask("good"), ["250", 0]);
    assert.deepEqual(await ask("bad"), ["550", 5]);
    assert.deepEqual(await ask("bad"), ["550", 0]);
    answers = {};
    assert.deepEqual([(await replyTo("cached", "one@all.test"))[0]?.slice(0, 3), commands().length], ["250", 2]);
    assert.deepEqual([(await replyTo("cached", "two@all.test"))[0]?.slice(0, 3), commands().length], ["250", 0]);
  });
});
