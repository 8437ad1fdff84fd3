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
  "sa=$sender_address sha=$sender_host_address " +
  "cert=${if eq{$event_name}{tls:cert}{${certextract{subject}{$tls_out_peercert}} $tls_out_ocsp}}";

interface Peers {
  readonly peer: number;
  /** TLS comes first. */
  readonly secured: number;
  /** Offers TLS, with a certificate of the authority. */
  readonly certified: number;
  /** Its file. */
  readonly authority: string;
}

/** Transports whose certificates are looked at: what is required, and the depth of which an action says no. */
const JUDGES = {
  shown: ["tls_try_verify_hosts = *", undefined],
  issuer: ["tls_verify_hosts = *", 1],
  leaf: ["tls_verify_hosts = *", 0],
  required: ["tls_verify_hosts = *\n  hosts_require_tls = *", 0],
  patient: ["tls_verify_hosts = *\n  tls_tempfail_tryclear = false", 0],
} as const;

/** What is asked about is by the recipient's domain; what the action says, by the name of the transport. */
const policy = ({ peer, secured, certified, authority }: Peers): string => `
primary_hostname = mx.a2.test
acl_smtp_rcpt = acl_rcpt
event_action = \${acl{main}}

begin acl
acl_rcpt:
  accept domains = sender.test
         endpass
         verify = sender/callout=10s,no_cache
  accept verify = recipient/callout=10s,no_cache
ev:
  accept logwrite = EV ${SHOWN}
main:
  accept condition = \${if eq{$event_name}{dns:fail}}
         logwrite = EV ${SHOWN}
  accept

begin routers
nowhere:
  driver = accept
  domains = nowhere.test
  transport = nowhere
${["vetoed", "unwelcome", "secured", ...Object.keys(JUDGES), "plain"]
  .map(
    (name) => `${name}:
  driver = manualroute
  ${name === "plain" ? "" : `domains = ${name}.test`}
  route_data = 127.0.0.1::${name in JUDGES ? certified : name === "secured" ? secured : peer}
  self = send
  transport = ${name}
`,
  )
  .join("")}
begin transports
nowhere:
  driver = smtp
  hosts = nothing.invalid
  EXIM_USER
${Object.entries(JUDGES)
  .map(
    ([name, [verification, depth]]) => `${name}:
  driver = smtp
  allow_localhost
  tls_verify_certificates = ${authority}
  tls_verify_cert_hostnames = :
  ${verification}
  event_action = \${acl{ev}}\${if and{{eq{$event_name}{tls:cert}}{eq{$event_data}{${depth}}}}{do not like it}}
  EXIM_USER
`,
  )
  .join("")}
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
  { name: "a certificate that is good", to: "u@shown.test", events: 7 },
  { name: "an action does not like who has signed a certificate", to: "u@issuer.test", events: 9 },
  { name: "an action does not like a certificate", to: "u@leaf.test", events: 10 },
  { name: "nor that, and there is no clear text", to: "u@required.test", events: 6 },
  { name: "nor that, and TLS is waited for", to: "u@patient.test", events: 6 },
  { name: "a host that is not there, which the main section is told of", to: "u@nowhere.test", events: 2 },
  { name: "TLS before the greeting, of which nobody is told", to: "u@secured.test", events: 3 },
] as const;

/** With GnuTLS, Exim shows certificates that nobody looks at, too. */
const isShared = (line: string): boolean => !/ EV tls:cert .* t=secured /.test(line);

/** What the libraries say differs; what becomes of it does not. */
const plain = (line: string): string =>
  line
    .replace(/TLS session: .*?(?=: callout unencrypted|$)/, "TLS session")
    // Ours says why.
    .replace(/: no host can be asked$/, "")
    .replace("Unknown error -58", "Event requests alternate response");

interface Seen {
  readonly reply: string;
  readonly events: readonly string[];
  readonly refusals: readonly string[];
  readonly notes: readonly string[];
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
        .map((line) => plain(line.slice(line.indexOf("F=")))),
      notes: lines.filter((line) => line.includes("callout unencrypted")).map(plain),
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
  const authority = makeCertificate("Authority", { isAuthority: true });
  const signed = makeCertificate("127.0.0.1", { issuer: authority });
  const cert = signed.certificate + authority.certificate;
  await using certified = await startSmtpPeer({ tls: createSecureContext({ cert, key: signed.privateKey }) });
  const ports = { peer: peer.port, secured: secured.port, certified: certified.port };
  const text = policy({ ...ports, authority: authority.certificateFile });
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
