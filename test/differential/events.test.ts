import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { freePort, startExim, startPostbus, startSmtpPeer } from "@postbus/testkit";
import { temporaryDirectory } from "../support/fixture.ts";
import { needs } from "../support/programs.ts";
import { runScript } from "../support/scripted-client.ts";

/** Variables that every event shows. */
const SHOWN =
  "$event_name [$event_data] $event_defer_errno lp=$local_part d=$domain h=$host ha=$host_address hp=$host_port " +
  "sip=$sending_ip_address r=$router_name t=$transport_name sa=$sender_address";

/**
 * The same for both. What answers at `tcp:connect` and `smtp:connect` is by the transport. Exim knows our end of a connection
 * behind it only if the log asks for it.
 */
const policy = (peer: number, closed: number): string => `
primary_hostname = mx.a2.test
log_selector = +incoming_interface
event_action = \${acl{ev}{main}}
acl_smtp_rcpt = acl_rcpt

begin acl
acl_rcpt:
  accept
ev:
  accept logwrite = EV $acl_arg1 ${SHOWN}

begin routers
alias:
  driver = redirect
  domains = a2.test
  allow_fail
  data = \${if eq{$local_part}{f0}{:fail: nobody here}{\${if eq{$local_part}{bh}{:blackhole:}}}}
rem:
  driver = accept
  domains = rem.test
  transport = smtp
ref:
  driver = accept
  domains = ref.test
  transport = closed
vetoed:
  driver = accept
  domains = veto.test
  transport = vetoed
unwelcome:
  driver = accept
  domains = banner.test
  transport = unwelcome
loc:
  driver = accept
  domains = a2.test
  local_parts = bob
  transport = local

begin transports
smtp:
  driver = smtp
  hosts = 127.0.0.1
  port = ${peer}
  connection_max_messages = 1
  allow_localhost
  event_action = \${acl{ev}{smtp}}
  EXIM_USER
closed:
  driver = smtp
  hosts = 127.0.0.1
  port = ${closed}
  allow_localhost
  event_action = \${acl{ev}{closed}}
  EXIM_USER
vetoed:
  driver = smtp
  hosts = 127.0.0.1
  port = ${peer}
  allow_localhost
  event_action = \${acl{ev}{vetoed}}\${if eq{$event_name}{tcp:connect}{no}}
  EXIM_USER
unwelcome:
  driver = smtp
  hosts = 127.0.0.1
  port = ${peer}
  allow_localhost
  event_action = \${acl{ev}{unwelcome}}\${if eq{$event_name}{smtp:connect}{do not like it}}
  EXIM_USER
local:
  driver = appendfile
  directory = BOX_DIRECTORY
  maildir_format
  event_action = \${acl{ev}{local}}
  EXIM_USER

begin retry
* * F,1h,1h
`;

const MESSAGE = "Subject: hello\n\nbody\n.";
const to = (...recipients: readonly string[]): readonly string[] => [
  ...["EHLO c.test", "MAIL FROM:<s@c.test>", ...recipients.map((address) => `RCPT TO:<${address}>`)],
  ...["DATA", MESSAGE, "QUIT"],
];

/** One after the other. */
const SESSIONS: readonly { readonly name: string; readonly script: readonly string[] }[] = [
  { name: "delivered", script: to("u1@rem.test") },
  {
    name: "of three, one is delivered, one put off, one refused",
    script: to("u1@rem.test", "slow@rem.test", "nobody@rem.test"),
  },
  {
    name: "into a mailbox, thrown away, and refused by a router",
    script: to("bob@a2.test", "bh@a2.test", "f0@a2.test"),
  },
  { name: "nobody listens", script: to("u@ref.test") },
  { name: "the content is put off", script: to("busy@rem.test") },
  { name: "an action does not want the connection", script: to("u@veto.test") },
  { name: "an action does not want the host", script: to("u@banner.test") },
];

async function eventsOf(port: number, directory: string): Promise<readonly (readonly string[])[]> {
  const mainlog = join(directory, "mainlog");
  const read = () => readFile(mainlog, "latin1").catch(() => ""); // Made with the first line.
  const all: (readonly string[])[] = [];
  await delay(1_000);
  for (const { script } of SESSIONS) {
    const before = (await read()).length;
    await runScript(port, script);
    let text = "";
    let quiet = 0;
    for (let tries = 0; tries < 100 && quiet < 10; tries++) {
      await delay(100);
      const now = (await read()).slice(before);
      quiet = /Completed| == /.test(now) && now === text ? quiet + 1 : 0;
      text = now;
    }
    all.push(normalised(text));
  }
  return all;
}

/** Events of the session's own message, and the lines that they belong to. */
function normalised(log: string): readonly string[] {
  const lines = log.split("\n").map((line) => line.slice(20));
  const id = /^(\S+) <= s@c/m.exec(lines.join("\n"))?.[1] ?? "none";
  return lines
    .filter((line) => line.startsWith(`${id} `))
    .map((line) => line.slice(id.length + 1))
    .filter((line) => /^(EV|=>|->|==|\*\*|Completed)/.test(line) && !line.includes("proc:deliver"))
    .filter((line) => !line.includes(":blackhole:"))
    .map((line) => (line.startsWith("EV") ? line : `${line.split(" ").slice(0, 2).join(" ")}`))
    .map((line) => CHANGES.reduce((text, [pattern, by]) => text.replace(pattern, by), line));
}

/** What Exim leaves in variables from one event to the next. */
const CHANGES: readonly (readonly [RegExp, string])[] = [
  [/^(EV main msg:complete \[\] 0) .*( sa=.*)$/, "$1$2"],
  [/^(EV \S+ tcp:close \[\]) \S+/, "$1"],
  // Our end of a connection over which nothing was delivered.
  [/^(EV \S+ msg:\S*defer .*) sip=\S*/, "$1"],
  [/^(EV \S+ msg:fail:\S+ .*) sip=\S*/, "$1"],
];

/** A connection is closed here when nobody needs it any more, and a recipient that is put off is told of at its line. */
const inOrder = (lines: readonly string[] | undefined): readonly string[] | undefined =>
  lines?.filter((line) => !/^EV \S+ (tcp:close|msg:rcpt:defer) /.test(line));

describe("events are those of Exim 4.98, in its order", () => {
  test("of messages, hosts and connections", async (t) => {
    if (needs(t, "exim-4.98") === undefined) return;
    const directory = await temporaryDirectory(t, "events");
    await using peer = await startSmtpPeer({
      keywords: ["SIZE 100000", "8BITMIME"],
      answer: ({ moment, line }) => {
        if (moment === "MAIL") isBusy = false;
        if (moment === "RCPT" && line.includes("busy")) isBusy = true;
        if (moment === "end of data") return isBusy ? "451 4.3.0 not now" : "250 OK id=xyz123";
        if (moment !== "RCPT") return undefined;
        if (line.includes("slow")) return "450 4.2.0 later";
        return line.includes("nobody") ? "550 5.1.1 no such user" : undefined;
      },
    });
    let isBusy = false;
    const text = policy(peer.port, await freePort());
    const config = join(directory, "postbus.conf");
    const own = text.replaceAll("EXIM_USER", "").replace("BOX_DIRECTORY", join(directory, "box"));
    await writeFile(config, `local_interfaces = 127.0.0.1\ndaemon_smtp_ports = 0\n${own}`);
    const postbus = await startPostbus({ args: ["--data", join(directory, "data"), "--config", config] });
    const ours = await eventsOf(postbus.port("smtp"), join(directory, "data", "log")).finally(() => postbus.stop());

    const eximDirectory = await temporaryDirectory(t, "exim-events");
    const exim = await startExim("exim-4.98", text.replace("BOX_DIRECTORY", `${eximDirectory}/spool/box`), {
      port: await freePort(),
      directory: eximDirectory,
    });
    const theirs = await eventsOf(exim.port, join(eximDirectory, "log")).finally(() => exim.stop());
    for (const [i, { name }] of SESSIONS.entries()) {
      assert.deepEqual(inOrder(ours[i]), inOrder(theirs[i]), `${name}, in order`);
      assert.deepEqual(ours[i]?.toSorted(), theirs[i]?.toSorted(), `${name}, all`);
    }
  });
});
