import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { createSecureContext } from "node:tls";
import { freePort, makeCertificate, startExim, startPostbus, startSmtpPeer } from "@postbus/testkit";
import { eventually } from "../support/eventually.ts";
import { temporaryDirectory } from "../support/fixture.ts";
import { needs } from "../support/programs.ts";
import { runScript } from "../support/scripted-client.ts";

/** Exim knows a router's name in deliveries only, and forgets the host before `tcp:close`. */
const SHOWN =
  "$event_name [${sg{$event_data}{\\n}{|}}] $event_defer_errno v=$verify_mode lp=$local_part d=$domain " +
  "h=${if eq{$event_name}{tcp:close}{}{$host $host_address $host_port}} r=$router_name t=$transport_name " +
  "sa=$sender_address sha=$sender_host_address";

/** What is asked about is by the recipient's domain; what the action says, by the name of the transport. */
const policy = (peer: number, secured: number): string => `
primary_hostname = mx.a2.test
acl_smtp_rcpt = acl_rcpt

begin acl
acl_rcpt:
  accept domains = sender.test
         endpass
         verify = sender/callout=10s,no_cache
  accept verify = recipient/callout=10s,no_cache
ev:
  accept logwrite = EV ${SHOWN}

begin routers
${["vetoed", "unwelcome", "secured", "plain"]
  .map(
    (name) => `${name}:
  driver = manualroute
  ${name === "plain" ? "" : `domains = ${name}.test`}
  route_data = 127.0.0.1::${name === "secured" ? secured : peer}
  self = send
  transport = ${name}
`,
  )
  .join("")}
begin transports
plain:
  driver = smtp
  allow_localhost
  event_action = \${acl{ev}}\${if eq{$event_name}{smtp:ehlo}{ignored}}
  EXIM_USER
vetoed:
  driver = smtp
  allow_localhost
  event_action = \${acl{ev}}\${if eq{$event_name}{tcp:connect}{no}}
  EXIM_USER
unwelcome:
  driver = smtp
  allow_localhost
  event_action = \${acl{ev}}\${if eq{$event_name}{smtp:connect}{do not like it}}
  EXIM_USER
secured:
  driver = smtp
  protocol = smtps
  tls_verify_hosts = :
  tls_try_verify_hosts = :
  allow_localhost
  event_action = \${acl{ev}}\${if eq{$event_name}{smtp:connect}{no}}
  EXIM_USER

begin retry
* * F,1h,1h
`;

const SESSIONS = [
  { name: "a recipient that is taken", to: "u@b.test", events: 4 },
  { name: "a recipient that is refused", to: "nobody@b.test", events: 4 },
  { name: "a sender", to: "u@sender.test", events: 4 },
  { name: "an action does not want the connection", to: "u@vetoed.test", events: 1 },
  { name: "an action does not want the host", to: "u@unwelcome.test", events: 3 },
  { name: "TLS before the greeting, of which nobody is told", to: "u@secured.test", events: 3 },
] as const;

/** Here, no certificate is looked at in a callout. */
const isShared = (line: string): boolean => !line.includes(" EV tls:cert ");

interface Seen {
  readonly reply: string;
  readonly events: readonly string[];
  readonly refusals: readonly string[];
}

async function seenOf(port: number, mainlog: string): Promise<readonly Seen[]> {
  const all: Seen[] = [];
  const read = () => readFile(mainlog, "latin1").catch(() => ""); // Made with the first line.
  for (const { to, events: count } of SESSIONS) {
    const before = (await read()).length;
    const replies = await runScript(port, ["EHLO c.test", "MAIL FROM:<s@c.test>", `RCPT TO:<${to}>`, "QUIT"]);
    const reply = (replies[3] ?? "").replace(/ \d\.\d\.\d /, " ");
    const linesNow = async () => (await read()).slice(before).split("\n").slice(0, -1).filter(isShared);
    const lines = await eventually(async () => {
      const now = (await linesNow()).map((line) => line.slice(20));
      const isAll = now.filter((line) => line.startsWith("EV ")).length >= count;
      return isAll && now.some((line) => line.includes("rejected RCPT")) === !reply.startsWith("250") ? now : undefined;
    });
    all.push({
      reply,
      events: lines.filter((line) => line.startsWith("EV ")),
      refusals: lines
        .filter((line) => line.includes("rejected RCPT"))
        .map((line) =>
          line.slice(line.indexOf("F=")).replace("Unknown error -58", "Event requests alternate response"),
        ),
    });
  }
  return all;
}

test("events of callouts are those of Exim 4.98, and what an action says counts as there", async (t) => {
  if (needs(t, "exim-4.98") === undefined) return;
  await using peer = await startSmtpPeer({
    keywords: ["SIZE 100000", "8BITMIME"],
    answer: ({ moment, line }) => (moment === "RCPT" && line.includes("nobody") ? "550 no such user" : undefined),
  });
  const { certificate, privateKey } = makeCertificate("127.0.0.1");
  await using secured = await startSmtpPeer({
    tls: createSecureContext({ cert: certificate, key: privateKey }),
    startsWithTls: true,
  });
  const text = policy(peer.port, secured.port);
  const eximDirectory = await temporaryDirectory(t, "exim-callout-events");
  const exim = await startExim("exim-4.98", text, { port: await freePort(), directory: eximDirectory });
  const theirs = await seenOf(exim.port, join(eximDirectory, "log/mainlog")).finally(() => exim.stop());
  const commands = [...peer.commands];

  const directory = await temporaryDirectory(t, "callout-events");
  const config = join(directory, "postbus.conf");
  await writeFile(config, `local_interfaces = 127.0.0.1\ndaemon_smtp_ports = 0\n${text.replaceAll("EXIM_USER", "")}`);
  const postbus = await startPostbus({ args: ["--data", join(directory, "data"), "--config", config] });
  const ours = await seenOf(postbus.port("smtp"), join(directory, "data/log/mainlog")).finally(() => postbus.stop());
  for (const [i, { name, events }] of SESSIONS.entries()) {
    assert.equal(theirs[i]?.events.length, events, name);
    assert.deepEqual(ours[i], theirs[i], name);
  }
  assert.deepEqual(peer.commands.slice(commands.length), commands);
});
