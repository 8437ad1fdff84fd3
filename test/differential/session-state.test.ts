import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { freePort, startExim } from "@postbus/testkit";
import { eventually } from "../support/eventually.ts";
import { runningPostbus, temporaryDirectory } from "../support/fixture.ts";
import { normalised } from "../support/normalised.ts";
import { needs } from "../support/programs.ts";
import { runScript } from "../support/scripted-client.ts";

/** What ACLs see of the transaction, and of what was before it. */
const SEEN =
  "s=<$sender_address> m=<$acl_m_x> c=<$acl_c_x> n=$rcpt_count/$recipients_count/$rcpt_fail_count/$rcpt_defer_count";
const noting = (stage: string): string => `${stage}:
  warn set acl_m_x = \${acl_m_x}${stage}
       set acl_c_x = \${acl_c_x}${stage}
`;

const CONFIG = `primary_hostname = mx.test
keep_environment =
host_lookup =
rfc1413_query_timeout = 0s
tls_advertise_hosts =
pipelining_connect_advertise_hosts =
prdr_enable
auth_advertise_hosts = *
smtp_max_synprot_errors = 100
log_selector = +smtp_protocol_error +smtp_syntax_error +smtp_connection +received_recipients
acl_smtp_connect = c
acl_smtp_helo = h
acl_smtp_auth = a
acl_smtp_mailauth = u
acl_smtp_mail = m
acl_smtp_rcpt = r
acl_smtp_vrfy = v
acl_smtp_data = d
acl_smtp_notquit = n
acl_smtp_quit = q
begin acl
${noting("c")}  accept
${noting("h")}  accept logwrite = HELO ${SEEN}
a:
  deny condition = \${if match{$smtp_command}{DENIED}}
       message = not so
  accept
u:
  defer condition = \${if match{$smtp_command}{later@}}
  deny
${noting("m")}  warn senders = log@b.test
       logwrite = :main,foo: noted all the same
       log_reject_target = foo
  deny senders = log@b.test
  accept message = ${SEEN} failed=$authentication_failed <$authenticated_id>
${noting("r")}  drop local_parts = drop
       message = 421 gone
  discard local_parts = hole
  deny local_parts = no
  defer local_parts = later
  warn local_parts = fake
       control = fakereject/kept all the same
  warn local_parts = wait
       control = fakedefer/kept all the same
  accept
${noting("v")}  accept logwrite = VRFY ${SEEN}
d:
  warn condition = \${if match{$h_subject:}{fake}}
       control = fakereject/kept all the same
  accept
q:
  deny message = never
n:
  accept logwrite = NOTQUIT ${SEEN} <$smtp_command> $smtp_notquit_reason
begin routers
all:
  driver = redirect
  data = :blackhole:
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = \${if eq{$auth3}{secret}}
  server_set_id = $auth2
`;

const plain = (password: string): string =>
  `AUTH PLAIN ${Buffer.from(`\0ann\0${password}`, "latin1").toString("base64")}`;
const BEGUN = ["EHLO x.test", "MAIL FROM:<a@b.test>", "RCPT TO:<c@b.test>"];
const REST = ["RCPT TO:<no@b.test>", "RCPT TO:<later@b.test>"];
const MESSAGE = "Subject: x\n\ntext\n.";

/** In any order. */
const BOTH = /Completed[\s\S]*NOTQUIT|NOTQUIT[\s\S]*Completed/;

/** Each with what is in the log when it is over. */
const SESSIONS: readonly { readonly name: string; readonly script: readonly string[]; readonly until: RegExp }[] = [
  {
    name: "RSET forgets what was said of a message",
    script: [...BEGUN, ...REST, "RSET", "VRFY a@b.test", "HELO y.test", "MAIL FROM:<>"],
    until: /NOTQUIT/,
  },
  { name: "and who goes behind it has none", script: [...BEGUN, ...REST, "RSET"], until: /NOTQUIT/ },
  { name: "who goes in a transaction has one", script: [...BEGUN, ...REST], until: /NOTQUIT/ },
  { name: "who goes behind a message has none", script: [...BEGUN, "DATA", MESSAGE], until: BOTH },
  {
    name: "VRFY, before a transaction and in it",
    script: ["EHLO x.test", "VRFY a@b.test", ...BEGUN.slice(1), "VRFY a@b.test", "DATA", MESSAGE, "VRFY a@b.test"],
    until: BOTH,
  },
  {
    name: "a log that there is none of",
    script: ["EHLO x.test", "MAIL FROM:<log@b.test>", "RSET"],
    until: /NOTQUIT/,
  },
  {
    name: "drop, with a code that a refusal cannot have",
    script: [...BEGUN, "RCPT TO:<drop@b.test>"],
    until: /NOTQUIT/,
  },
  { name: "an ACL that refuses QUIT", script: ["EHLO x.test", "QUIT"], until: /closed by QUIT/ },
  {
    name: "a message for nobody any more",
    script: [...BEGUN.slice(0, 2), "RCPT TO:<hole@b.test>", "DATA", MESSAGE],
    until: BOTH,
  },
  {
    name: "VRFY of an address without a domain",
    script: ["EHLO x.test", "VRFY ann"],
    until: /NOTQUIT/,
  },
  {
    name: "the error with which it is enough",
    script: ["EHLO x.test", "FOO", "FOO", "FOO", "FOO"],
    until: /NOTQUIT/,
  },
  {
    name: "a last command that nobody is asked about",
    script: [...BEGUN, "NOOP"],
    until: /NOTQUIT/,
  },
  {
    name: "$authentication_failed",
    script: [
      "EHLO x.test",
      ...[plain("bad"), "AUTH NONE", "AUTH =", "AUTH DENIED", plain("secret")].flatMap((auth) => [
        auth,
        "MAIL FROM:<>",
        "RSET",
      ]),
    ],
    until: /NOTQUIT/,
  },
  {
    name: "AUTH with a token of 11 KB in its command",
    script: ["EHLO x.test", plain("x".repeat(8_000)), plain("secret"), "MAIL FROM:<>"],
    until: /NOTQUIT/,
  },
  {
    name: "an AUTH= that cannot be decided",
    script: ["EHLO x.test", "MAIL FROM:<a@b.test> SIZE=10 AUTH=later@b.test BODY=8BITMIME"],
    until: /NOTQUIT/,
  },
  {
    name: "which errors are of syntax",
    script: ["MAIL FROM:<>", "EHLO x.test", "MAIL FROM:", "MAIL FROM:<>", "RCPT TO:", "RSET", "AUTH NONE", "AUTH a=b"],
    until: /NOTQUIT/,
  },
  ...["fake", "wait"].map((name) => ({
    name: `a message with a recipient for whom it is ${name}`,
    script: ["EHLO x.test", "MAIL FROM:<a@b.test>", `RCPT TO:<${name}@b.test>`, "DATA", MESSAGE],
    until: BOTH,
  })),
  {
    name: "fakereject behind the dot, with answers for each recipient",
    script: [
      "EHLO x.test",
      "MAIL FROM:<a@b.test> PRDR",
      "RCPT TO:<c@b.test>",
      "RCPT TO:<d@b.test>",
      "DATA",
      "Subject: fake\n\ntext\n.",
    ],
    until: BOTH,
  },
];

const comparable = (reply: string): string =>
  reply
    .replace(/^(\d{3}[ -])\d\.\d{1,3}\.\d{1,3} /, "$1")
    .replace(/ id=\S+/, " id=ID")
    .replace(/^220 .*/, "220");

/** To a client that is gone. */
const LOST = /^421 .* lost input/;

/** What is answered, and what the log says of it. */
async function playedTo(port: number, logFile: string) {
  const read = (): Promise<string> => readFile(logFile, "latin1").catch(() => ""); // Made with the first line.
  // Whoever has looked whether the server is there has left lines, too.
  await runScript(port, ["EHLO begins.test"]);
  await eventually(async () => /HELO[\s\S]*NOTQUIT/.test(await read()) || undefined);
  const all = [];
  for (const { script, until } of SESSIONS) {
    const before = (await read()).length;
    const replies = (await runScript(port, script)).map(comparable).filter((reply) => !LOST.test(reply));
    const log = await eventually(async () => {
      const text = (await read()).slice(before);
      return until.test(text) ? text : undefined;
    });
    // The client before may not be gone yet.
    const lines = normalised(log).map((line) => line.replace(/ \(TCP\/IP connection count = \d+\)/, ""));
    all.push({ replies, log: lines.toSorted() });
  }
  return all;
}

describe("what one command leaves for the next is what a real Exim leaves", () => {
  test("variables, and lines of the log", async (t) => {
    if (needs(t, "exim-4.98") === undefined) return;
    const directory = await temporaryDirectory(t, "exim");
    const exim = await startExim("exim-4.98", CONFIG, { port: await freePort(), directory });
    t.after(() => exim.stop());
    const file = join(await temporaryDirectory(t, "policy"), "p.conf");
    await writeFile(file, `daemon_smtp_ports = 0\nlocal_interfaces = 127.0.0.1\n${CONFIG}`);
    const { postbus, data } = await runningPostbus(t, "--config", file);
    const theirs = await playedTo(exim.port, join(directory, "log", "mainlog"));
    const ours = await playedTo(postbus.port("smtp"), join(data, "log", "mainlog"));
    for (const [i, { name }] of SESSIONS.entries()) assert.deepEqual(ours[i], theirs[i], name);
  });
});
