import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { freePort, type PeerAction, type PeerQuestion, startExim, startPostbus, startSmtpPeer } from "@postbus/testkit";
import { speak } from "../examples/running-program.ts";
import { eventually } from "../support/eventually.ts";
import { type Scope, temporaryDirectory } from "../support/fixture.ts";
import { messagesIn } from "../support/mailbox.ts";
import { needs } from "../support/programs.ts";

/** The same for both programs, but for where it keeps things. */
const policy = (ports: Ports, mail: string): string => `
primary_hostname = mx.test
qualify_domain = mx.test
dsn_advertise_hosts = *
errors_reply_to = postmaster@a.test
delay_warning = 1s

begin routers
failing:
  driver = redirect
  domains = fail.test
  allow_fail
  data = :fail: no such user here
alias:
  driver = redirect
  domains = alias.test
  data = u@fail.test
nested:
  driver = redirect
  domains = nested.test
  data = x@alias.test
hidden:
  driver = redirect
  domains = hidden.test
  hide_child_in_errmsg
  data = rej@remote.test
several:
  driver = redirect
  domains = several.test
  data = ok@remote.test, box@a.test
single:
  driver = redirect
  domains = single.test
  data = ok@dsn.test
errors_to:
  driver = redirect
  domains = errors.test
  errors_to = boss@a.test
  data = rej@remote.test
silent:
  driver = redirect
  domains = silent.test
  errors_to =
  data = rej@remote.test
nowhere:
  driver = redirect
  domains = hole.test
  data = :blackhole:
last:
  driver = manualroute
  domains = last.test
  dsn_lasthop
  route_list = * 127.0.0.1::${ports.dsn}
  self = send
  transport = remote
dsn:
  driver = manualroute
  domains = dsn.test
  route_list = * 127.0.0.1::${ports.dsn}
  self = send
  transport = remote
remote:
  driver = manualroute
  domains = remote.test
  route_list = * 127.0.0.1::${ports.plain}
  self = send
  transport = remote
away:
  driver = manualroute
  domains = away.test
  route_list = * 127.0.0.1::${ports.away}
  self = send
  transport = remote
program:
  driver = accept
  domains = program.test
  transport = program
local:
  driver = accept
  domains = a.test
  transport = box

begin transports
remote:
  driver = smtp
  EXIM_USER
program:
  driver = pipe
  command = /bin/sh -c "echo first line; echo second line; exit 3"
  return_fail_output
  EXIM_USER
box:
  driver = appendfile
  directory = ${mail}
  maildir_format
  EXIM_USER

begin retry
*  *  F,1h,1s
`;

const PROGRAMS = { POSTBUS_DELIVERY_PROGRAMS: "2" };

interface Ports {
  readonly plain: number;
  readonly dsn: number;
  readonly away: number;
}

function peerAnswer({ moment, line }: PeerQuestion): PeerAction | undefined {
  if (moment === "MAIL" && line.includes("disliked@")) return "550 5.7.1 sender not liked";
  if (moment === "RCPT" && line.includes("rej@")) return "550-5.1.1 no\n550 5.1.1 such user";
  if (moment === "RCPT" && line.includes("later@")) return "450 4.2.0 come back later";
  return undefined;
}

/** Peers that refuse; one of them has taken the DATA of a message to `data@` only to refuse it at its end. */
async function peers(t: TestContext): Promise<Ports> {
  const start = async (answer: (question: PeerQuestion) => PeerAction | undefined, keywords: readonly string[]) => {
    const peer = await startSmtpPeer({ answer, keywords });
    t.after(() => peer[Symbol.asyncDispose]());
    return peer.port;
  };
  let isData = false;
  const answer = (question: PeerQuestion): PeerAction | undefined => {
    if (question.moment === "RCPT") isData = question.line.includes("data@");
    if (question.moment === "end of data" && isData) return "554-5.6.0 content\n554 5.6.0 not liked";
    return peerAnswer(question);
  };
  return {
    plain: await start(answer, ["SIZE", "8BITMIME"]),
    dsn: await start(peerAnswer, ["SIZE", "DSN"]),
    away: await start(({ moment }) => (moment === "connect" ? { reply: "550 Go away", close: true } : undefined), []),
  };
}

interface Server {
  readonly port: number;
  readonly mail: string;
  readonly log: string;
}

async function ours(t: Scope, ports: Ports): Promise<Server> {
  const data = await temporaryDirectory(t, "reports");
  const file = join(data, "p.conf");
  const own = "daemon_smtp_ports = 0\nlocal_interfaces = 127.0.0.1\nacl_smtp_rcpt = accept\nacl_smtp_data = accept\n";
  await writeFile(file, own + policy(ports, join(data, "mail")).replaceAll("EXIM_USER", ""), "latin1");
  const postbus = await startPostbus({ args: ["--data", data, "--config", file], env: PROGRAMS });
  t.after(() => postbus.stop());
  return { port: postbus.port("smtp"), mail: join(data, "mail"), log: join(data, "log", "mainlog") };
}

async function theirs(t: Scope, ports: Ports): Promise<Server> {
  const directory = await temporaryDirectory(t, "reports-exim");
  const mail = join(directory, "spool", "mail");
  const exim = await startExim("exim-4.98", policy(ports, mail), { port: await freePort(), directory });
  t.after(() => exim.stop());
  return { port: exim.port, mail, log: join(directory, "log", "mainlog") };
}

/** One message with its subject as a name. */
async function send(
  { port }: Server,
  name: string,
  sender: string,
  recipients: readonly string[],
  mail = "",
): Promise<void> {
  const replies = await speak(port, [
    "EHLO client.test",
    `MAIL FROM:<${sender}>${mail}`,
    ...recipients.map((recipient) => `RCPT TO:${recipient}`),
    "DATA",
    `Subject: ${name}\r\nMessage-ID: <${name}@a.test>\r\nReferences: <0@a.test>\r\n\r\nbody\r\n.`,
    "QUIT",
  ]);
  assert.ok(
    replies.every((reply) => /^[23]/.test(reply)),
    replies.join("\n"),
  );
}

/** What two reports have in common that say the same. */
interface Facts {
  readonly envelope: Readonly<Record<string, string | undefined>>;
  /** Fields of the second part that both programs have. */
  readonly groups: readonly string[];
  /** Of the first part: addresses, hosts, errors. */
  readonly lines: readonly string[];
  readonly returned: readonly string[];
}

const FIELDS = ["Subject", "From", "To", "Reply-To", "Auto-Submitted", "References", "X-Failed-Recipients"] as const;
const GROUP_FIELDS = ["Action", "Final-Recipient", "Remote-MTA", "Diagnostic-Code"];

const unfolded = (text: string): string => text.replace(/\n[ \t]+/g, " ");

function factsOf(report: string): Facts {
  const text = report.replaceAll("\r\n", "\n");
  const end = text.indexOf("\n\n");
  const head = unfolded(text.slice(0, end));
  const field = (name: string) => new RegExp(`^${name}: *(.*)$`, "im").exec(head)?.[1]?.replace(/, +/g, ", ");
  const boundary = /boundary="?([^"\n;]+)"?/.exec(head)?.[1] ?? "";
  const parts = text
    .slice(end)
    .split(`\n--${boundary}`)
    .slice(1, -1)
    .map((part) => part.replace(/^\n/, ""));
  const body = (part = "") => part.slice(part.indexOf("\n\n") + 2);
  const [first, second, third] = parts;
  const groups = body(second)
    .split("\n\n")
    .slice(1)
    .map((group) =>
      unfolded(group)
        .split("\n")
        .filter((line) => GROUP_FIELDS.includes(line.split(":")[0] ?? ""))
        // Ours has more to say: where the host is, and why it was no host.
        .filter((line) => !/X-ip;|X-Postbus;/.test(line))
        .join("\n"),
    )
    .filter((group) => group !== "");
  const lines = body(first)
    .split("\n")
    .filter((line) => /^ {2,}\S|^------|^(?:first|second) line/.test(line) && !line.startsWith("  <"))
    // Of the message with what each program has put before it.
    .map((line) => line.replace(/ SIZE=\d+/, ""));
  const returned = body(third)
    .split("\n")
    .filter((line) => /^(?:Return-path|Subject|Message-ID|References|body)/.test(line));
  return {
    envelope: Object.fromEntries(FIELDS.map((name) => [name, field(name)])),
    groups: groups.sort(),
    lines: lines.sort(),
    returned,
  };
}

const named = (report: string): string =>
  /^Message-ID: <(.*)@a\.test>/im.exec(report.split(/^Subject: /m).at(-1) ?? "")?.[1] ?? "";

const cases: readonly [name: string, sender: string, recipients: readonly string[], mail?: string][] = [
  ["unrouteable", "ann@a.test", ["<x@unknown.test>"]],
  ["router", "ann@a.test", ["<x@fail.test>"]],
  ["nested", "ann@a.test", ["<x@nested.test>"]],
  ["rcpt", "ann@a.test", ["<rej@remote.test>"]],
  ["content", "ann@a.test", ["<data@remote.test>"]],
  ["sender", "disliked@a.test", ["<u@remote.test>"]],
  ["greeting", "ann@a.test", ["<u@away.test>"]],
  ["hidden", "ann@a.test", ["<x@hidden.test>"]],
  ["elsewhere", "ann@a.test", ["<x@errors.test>"]],
  ["program", "ann@a.test", ["<u@program.test>"]],
  ["headers", "ann@a.test", ["<rej@remote.test>"], " RET=HDRS"],
];

describe("bounces of Exim and of ours say the same", () => {
  test("field for field, whatever has failed", async (t) => {
    if (needs(t, "exim-4.98") === undefined) return;
    const ports = await peers(t);
    const servers = await Promise.all([ours(t, ports), theirs(t, ports)]);
    const facts = await Promise.all(
      servers.map(async (server) => {
        for (const [name, sender, recipients, mail] of cases) await send(server, name, sender, recipients, mail);
        await send(server, "silent", "ann@a.test", ["<x@silent.test>"]);
        const reports = await messagesIn(server.mail, cases.length);
        assert.equal(reports.length, cases.length);
        return new Map(reports.map((report) => [named(report), factsOf(report)]));
      }),
    );
    const [us, exim] = facts;
    for (const [name] of cases) {
      assert.ok(exim?.get(name) !== undefined, name);
      assert.deepEqual(us?.get(name), exim.get(name), name);
    }
    for (const { log } of servers) {
      await eventually(async () => {
        const text = await readFile(log, "latin1");
        return /\*\* rej@remote\.test .*R=remote T=remote.*: 550-5\.1\.1 no\\n550 5\.1\.1 such user/.test(text) &&
          /rej@remote\.test <x@silent\.test>: error ignored$/m.test(text) &&
          (text.match(/ <= <> R=\S+ .*P=local S=\d+/g)?.length ?? 0) === cases.length
          ? true
          : undefined;
      });
    }
  });
});

describe("success reports", () => {
  /** Recipient, and what its sender is told: `action final-recipient`, or nothing. */
  const wanted: readonly [recipient: string, told: string | undefined][] = [
    ["ok@remote.test", "relayed ok@remote.test"],
    ["ok@last.test", "relayed ok@last.test"],
    ["box@a.test", "delivered box@a.test"],
    ["x@hole.test", "delivered x@hole.test"],
    ["x@several.test", "expanded x@several.test"],
    ["x@single.test", "relayed x@single.test"],
    ["ok@dsn.test", undefined],
  ];

  test("come where nobody else tells of it, in the words of RFC 3464; NOTIFY goes on where somebody does", async (t) => {
    const commands: string[] = [];
    const peer = await startSmtpPeer({ keywords: ["SIZE"] });
    const dsn = await startSmtpPeer({
      keywords: ["DSN"],
      answer({ moment, line }) {
        if (moment === "MAIL" || moment === "RCPT") commands.push(line);
        return undefined;
      },
    });
    t.after(() => peer[Symbol.asyncDispose]());
    t.after(() => dsn[Symbol.asyncDispose]());
    const server = await ours(t, { plain: peer.port, dsn: dsn.port, away: peer.port });
    for (const [recipient] of wanted) {
      const asking = `<${recipient}> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Orig+2B@x.test`;
      await send(server, `to-${recipient.replace("@", ".")}`, "ann@a.test", [asking], " ENVID=QQ+2B1 RET=FULL");
    }
    const expected = wanted.flatMap(([, told]) => told ?? []);
    // What several.test and a.test stand for ends in the same mailbox.
    const messages = await messagesIn(server.mail, expected.length + 2);
    const reports = messages.filter((text) => /^Content-Type: multipart\/report/m.test(text));
    const told = reports.map((text) => {
      const [, action, address] = /^Action: (.*)\nFinal-Recipient: rfc822;(.*)$/m.exec(text) ?? [];
      return `${action} ${address}`;
    });
    assert.deepEqual(told.sort(), expected.toSorted());
    for (const text of reports) {
      assert.match(text, /^Original-Envelope-Id: QQ\+1$/m);
      assert.match(text, /^Original-Recipient: rfc822;Orig\+@x\.test$/m);
      assert.match(text, /^Subject: Delivery Status Notification$/m);
      assert.match(text, /^Auto-Submitted: auto-generated$/m);
      assert.match(text, /^Content-Type: text\/rfc822-headers/m);
    }
    await eventually(async () => (commands.length >= 6 ? true : undefined));
    const passed = commands.filter((line) => /NOTIFY|ENVID/.test(line));
    assert.deepEqual(passed, [
      "MAIL FROM:<ann@a.test> RET=FULL ENVID=QQ+2B1",
      "RCPT TO:<ok@dsn.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Orig+2B@x.test",
    ]);
  });
});

test("a sender is warned of a delay, once for each time that it is due", async (t) => {
  const server = await ours(t, await peers(t));
  await send(server, "late", "ann@a.test", ["<later@remote.test>"]);
  const warnings = await messagesIn(server.mail, 2);
  const subjects = warnings.map((text) => /^Subject: (Warning: message \S+ delayed) \d+ minutes$/m.exec(text)?.[1]);
  assert.equal(new Set(subjects).size, 1);
  for (const text of warnings) {
    assert.match(text, /^Action: delayed\nFinal-Recipient: rfc822;later@remote\.test\nStatus: 4\.2\.0$/m);
    assert.match(text, /^Will-Retry-Until: /m);
    assert.doesNotMatch(text, /^X-Failed-Recipients:/m);
  }
});
