import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { freePort, startExim, startPostbus, startSmtpPeer } from "@postbus/testkit";
import { temporaryDirectory } from "../support/fixture.ts";
import { normalised } from "../support/normalised.ts";
import { needs } from "../support/programs.ts";
import { runScript } from "../support/scripted-client.ts";

/** The same for both. `EXIM_USER` and `EXIM_DIRECTORY` are written for each. */
const policy = (selectors: string, peer: number, closed: number): string => `
primary_hostname = mx.a2.test
log_selector = ${selectors}
acl_smtp_rcpt = acl_rcpt
acl_smtp_data = acl_data
prdr_enable
smtp_accept_max_per_connection = 3
message_size_limit = 20000

begin acl
acl_rcpt:
  deny    local_parts = bad
          message = no such box
  defer   local_parts = later
          message = not now
  deny    local_parts = silent
          log_reject_target =
  warn    local_parts = noted
          logwrite = a note about $local_part
  warn    local_parts = warned : again
          log_message = watch $local_part
  warn    local_parts = skipped
          condition = \${lookup{x}lsearch{/no/such/file}}
  deny    local_parts = strict
          !verify = sender
  accept
acl_data:
  deny    condition = \${if match{$h_subject:}{spam}}
          message = spam found
  accept

begin routers
alias:
  driver = redirect
  domains = a2.test
  allow_fail
  data = \${if eq{$local_part}{al}{u9@rem.test}{\${if eq{$local_part}{al2}{al@a2.test}{\${if eq{$local_part}{f0}{:fail: nobody here}{\${if eq{$local_part}{bh}{:blackhole:}}}}}}}}
  
rem:
  driver = accept
  domains = rem.test
  transport = smtp
ref:
  driver = accept
  domains = ref.test
  transport = closed
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
  allow_localhost
  EXIM_USER
closed:
  driver = smtp
  hosts = 127.0.0.1
  port = ${closed}
  allow_localhost
  EXIM_USER
local:
  driver = appendfile
  directory = BOX_DIRECTORY
  maildir_format
  EXIM_USER

begin retry
* * F,1h,1h
`;

const MESSAGE = 'From: <s@c.test>\nTo: x\nSubject: hello "there"\nMessage-ID: <one@c.test>\n\nbody\n.';

interface Session {
  readonly name: string;
  readonly script: readonly string[];
  /** Lines of the log with which it is over. */
  readonly until: RegExp;
  readonly count?: number;
}

/** One after the other. */
const SESSIONS: readonly Session[] = [
  {
    name: "one of two recipients is refused; delivered to the next hop",
    script: [
      "EHLO c.test",
      "MAIL FROM:<s@c.test>",
      "RCPT TO:<u1@rem.test>",
      "RCPT TO:<bad@rem.test>",
      "DATA",
      MESSAGE,
      "QUIT",
    ],
    until: /Completed/,
  },
  {
    name: "to the next hop for three, of whom one is put off and one refused there",
    script: [
      "EHLO c.test",
      "MAIL FROM:<> BODY=8BITMIME\nRCPT TO:<u1@rem.test>\nRCPT TO:<slow@rem.test>\nRCPT TO:<nobody@rem.test>\nDATA",
      MESSAGE.replace("hello", "caf\xc3\xa9 \\ and more".padEnd(120, "x")),
      "QUIT",
    ],
    until: / == |Frozen/,
    count: 2,
  },
  {
    name: "into a mailbox, and thrown away",
    script: [
      "EHLO c.test",
      "MAIL FROM:<s@c.test> BODY=7BIT",
      "RCPT TO:<bob@a2.test>",
      "RCPT TO:<bh@a2.test>",
      "RCPT TO:<noted@rem.test>",
      "DATA",
      MESSAGE,
      "QUIT",
    ],
    until: /Completed/,
  },
  {
    name: "what the ACL says of the client, and of its sender",
    script: [
      ...["EHLO c.test", "MAIL FROM:<s@nowhere.test>", "RCPT TO:<warned@rem.test>", "RCPT TO:<again@rem.test>"],
      ...["RCPT TO:<skipped@rem.test>", "RCPT TO:<strict@rem.test>", "RCPT TO:<strict@rem.test>", "QUIT"],
    ],
    until: /NEVER/,
  },
  {
    name: "nobody listens",
    script: ["EHLO c.test", "MAIL FROM:<s@c.test>", "RCPT TO:<u@ref.test>", "DATA", MESSAGE, "QUIT"],
    until: / == /,
  },
  {
    name: "refused after DATA, and by other ACLs",
    script: [
      ...[
        "EHLO c.test",
        "MAIL FROM:<s@c.test>",
        "RCPT TO:<u1@rem.test>",
        "RCPT TO:<later@rem.test>",
        "RCPT TO:<silent@rem.test>",
      ],
      ...["RCPT TO:<u2@rem.test>", "DATA", MESSAGE.replace("hello", "spam"), "QUIT"],
    ],
    until: /rejected after DATA/,
  },
  {
    name: "nothing is sent",
    script: ["EHLO c.test", "NOOP", "QUIT"],
    until: /NEVER/,
  },
  {
    name: "errors, a transaction that is given up, and another that the client leaves",
    script: [
      ...[
        "EHLO c.test",
        "FOO",
        "MAIL FROM:<s@c.test>",
        "DATA",
        "RCPT TO:<<x",
        "RSET",
        "MAIL FROM:<s@c.test> SIZE=100000",
      ],
      ...["MAIL FROM:<s@c.test>", "RCPT TO:<u1@rem.test>"],
    ],
    until: /NEVER/,
  },
  {
    name: "no EHLO, and AUTH where it is not offered",
    script: ["HELO c.test", "AUTH PLAIN", "MAIL FROM:<s@c.test>", "QUIT"],
    until: /NEVER/,
  },
  {
    name: "more messages than a connection may bring",
    script: [
      "EHLO c.test",
      "MAIL FROM:<s@c.test>",
      "RSET",
      "MAIL FROM:<s@c.test>",
      "RSET",
      "MAIL FROM:<s@c.test>",
      "RSET",
      "MAIL FROM:<s@c.test>",
    ],
    until: /NEVER/,
  },
];

/** What the log says of each session. */
async function logOf(
  port: number,
  directory: string,
): Promise<{ readonly main: readonly (readonly string[])[]; readonly rejects: string }> {
  const mainlog = join(directory, "mainlog");
  const read = () => readFile(mainlog, "latin1").catch(() => ""); // Made with the first line.
  const main: (readonly string[])[] = [];
  // Whoever has looked whether the server is there has left lines, too.
  await delay(1_000);
  for (const { script, until, count = 1 } of SESSIONS) {
    const before = (await read()).length;
    await runScript(port, script);
    const isNamed = until.source !== "NEVER";
    let text = "";
    let quiet = 0;
    // What comes last is not known for all of them: until nothing has come for a while.
    for (let tries = 0; tries < 200 && quiet < 6; tries++) {
      await delay(100);
      const now = (await read()).slice(before);
      const isThere = !isNamed || (now.match(new RegExp(until, "g"))?.length ?? 0) >= count;
      quiet = isThere && now === text ? quiet + 1 : 0;
      text = now;
    }
    main.push(normalised(text).toSorted());
  }
  return { main, rejects: await readFile(join(directory, "rejectlog"), "latin1").catch(() => "") };
}

/** Connections are kept open for the next message here. */
const IGNORED: readonly (readonly [RegExp, string])[] = [
  // The next hop's port, in a line that our client writes.
  [/^(ID H=\S+ \[127\.0\.0\.1\]):PORT/, "$1"],
  // Since 4.99.
  [/^(ID .*) PS=\w+/, "$1"],
  [/^(ID (?:=>|->) .* H=\S+ \[127\.0\.0\.1\](?::PORT)?)\*/, "$1"],
];
const compared = (line: string): string => IGNORED.reduce((text, [pattern, by]) => text.replace(pattern, by), line);

describe("mainlog and rejectlog are those of Exim 4.98", () => {
  for (const selectors of ["+all", "+incoming_port +smtp_connection -all", ""]) {
    test(`log_selector = ${selectors}`, async (t) => {
      if (needs(t, "exim-4.98") === undefined) return;
      const directory = await temporaryDirectory(t, "logs");
      await using peer = await startSmtpPeer({
        keywords: ["SIZE 100000", "8BITMIME", "PIPELINING"],
        answer: ({ moment, line }) => {
          if (moment === "end of data") return '250 OK id=xyz123 "q"';
          if (moment !== "RCPT") return undefined;
          if (line.includes("slow")) return "450 4.2.0 later";
          return line.includes("nobody") ? "550 5.1.1 no such user" : undefined;
        },
      });
      const closed = await freePort();
      const text = policy(selectors, peer.port, closed);

      const own = text.replaceAll("EXIM_USER", "").replace("BOX_DIRECTORY", join(directory, "box"));
      const config = join(directory, "postbus.conf");
      await writeFile(config, `local_interfaces = 127.0.0.1\ndaemon_smtp_ports = 0\n${own}`);
      const postbus = await startPostbus({ args: ["--data", join(directory, "data"), "--config", config] });
      const ours = await logOf(postbus.port("smtp"), join(directory, "data", "log")).finally(() => postbus.stop());

      const eximDirectory = await temporaryDirectory(t, "exim-logs");
      const exim = await startExim(
        "exim-4.98",
        `pipelining_connect_advertise_hosts =\n${text.replace("BOX_DIRECTORY", `${eximDirectory}/spool/box`)}`,
        { port: await freePort(), directory: eximDirectory },
      );
      const theirs = await logOf(exim.port, join(eximDirectory, "log")).finally(() => exim.stop());
      for (const [i, { name }] of SESSIONS.entries()) {
        assert.deepEqual(ours.main[i]?.map(compared), theirs.main[i]?.map(compared), name);
      }
      assert.deepEqual(normalised(ours.rejects).map(compared), normalised(theirs.rejects).map(compared), "rejectlog");
    });
  }
});
