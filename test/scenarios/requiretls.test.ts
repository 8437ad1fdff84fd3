import assert from "node:assert/strict";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { createSecureContext, connect as tlsConnect } from "node:tls";
import { freePort, makeCertificate, startExim, startPostbus, startSmtpPeer } from "@postbus/testkit";
import { eventually } from "../support/eventually.ts";
import { type Running, runningPostbus, type Scope, temporaryDirectory } from "../support/fixture.ts";
import { messagesIn } from "../support/mailbox.ts";
import { needs } from "../support/programs.ts";

const authority = makeCertificate("authority.test", { isAuthority: true });
/** Next hops are at `localhost`. */
const good = makeCertificate("localhost", { issuer: authority });
const selfSigned = makeCertificate("localhost");

const tlsLines = ({ certificateFile, privateKeyFile }: typeof good): string =>
  `tls_certificate = ${certificateFile}\ntls_privatekey = ${privateKeyFile}\n`;

/** Our example policy with further lines before it; its transport believes the authority. */
async function policyWith(t: Scope, lines: string): Promise<string> {
  const file = join(await temporaryDirectory(t, "policy"), "p.conf");
  const example = await readFile(join(import.meta.dirname, "../../deploy/policies/postbus.conf"), "latin1");
  const own = `hosts_override\n  tls_verify_certificates = ${authority.certificateFile}`;
  await writeFile(file, `${lines}\n${example.replace("hosts_override", own)}`);
  return file;
}

/** Words of the command line for who takes messages with REQUIRETLS, and passes them on to these hosts of domains. */
async function firstHop(t: Scope, hosts: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const policy = await policyWith(t, `${tlsLines(good)}tls_on_connect_ports = 0`);
  const table = Object.entries(hosts).map(([domain, list]) => `${domain}="${list}"`);
  const macros = [
    "-DLOCAL_DOMAINS=first.test",
    `-DSMARTHOST=\${extract{$domain}{${table.join(" ")}}}`,
    "-DRETRY=F,1h,1s",
  ];
  return ["--config", policy, ...macros];
}

const nextHop = async (tls: string): Promise<Running> =>
  runningPostbus(scope, "--config", await policyWith(scope, tls), "-DLOCAL_DOMAINS=*.hop");

const at = ({ postbus }: Running): string => `localhost::${postbus.port("smtp")}`;

const scope: Scope = { after };
const [offers, clear, lacks, unsigned] = await Promise.all([
  nextHop(tlsLines(good)),
  nextHop(""),
  nextHop(`${tlsLines(good)}tls_advertise_requiretls =`),
  nextHop(tlsLines(selfSigned)),
]);
const eximPort = await freePort();
const hops = {
  "offers.hop": at(offers),
  "clear.hop": at(clear),
  "lacks.hop": at(lacks),
  "unsigned.hop": at(unsigned),
  "both.hop": `${at(lacks)} : ${at(offers)}`,
  "exim.hop": `localhost::${eximPort}`,
};
const first = await runningPostbus(scope, ...(await firstHop(scope, hops)));

/** Over TLS from the first octet on. */
async function submit(
  { postbus }: Pick<Running, "postbus">,
  from: string,
  domain: string,
  word = " REQUIRETLS",
): Promise<void> {
  const port = postbus.port("smtp");
  const socket = tlsConnect({ port, host: "127.0.0.1", ca: authority.certificate, servername: "localhost" });
  socket.setTimeout(60_000, () => socket.destroy(new Error("no reply in 60 s")));
  const lines = [
    "EHLO client.test",
    `MAIL FROM:<${from}@first.test>${word}`,
    `RCPT TO:<bob@${domain}>`,
    "DATA",
    "Subject: sealed\r\nMessage-ID: <1@first.test>\r\n\r\nsecret words\r\n.",
    "QUIT",
  ];
  let said = "";
  let isDone = false;
  for await (const octets of socket) {
    said += String(octets);
    if (!/^\d{3} .*\r\n$/m.test(said)) continue;
    assert.match(said, /^[23]/, said);
    isDone = said.startsWith("221");
    said = "";
    const line = lines.shift();
    if (line !== undefined) socket.write(`${line}\r\n`);
  }
  assert.ok(isDone, "the session has come to its end");
}

const logOf = async ({ data }: Pick<Running, "data">, pattern: RegExp): Promise<string> =>
  eventually(async () => {
    const text = await readFile(join(data, "log", "mainlog"), "latin1").catch(() => "");
    return pattern.exec(text)?.[0];
  });

/** The report that the sender gets: no word of the message in it. */
async function reportTo(sender: string): Promise<string> {
  const [bounce = ""] = await messagesIn(first.mailbox(sender, "first.test"));
  assert.match(bounce, /^Content-Type: text\/rfc822-headers\r?$/m);
  assert.match(bounce, /^Subject: sealed\r?$/m);
  assert.doesNotMatch(bounce, /secret words/);
  return bounce;
}

describe("REQUIRETLS (RFC 8689) from one Postbus to the next", { concurrency: 2 }, () => {
  test("over TLS: both say esmtpS, and the mailbox has the message", async () => {
    await submit(first, "ann", "offers.hop");
    const [message = ""] = await messagesIn(offers.mailbox("bob", "offers.hop"));
    assert.match(message, /secret words/);
    assert.equal(message.match(/\bwith esmtpS \(TLS/g)?.length, 2);
    for (const one of [first, offers]) await logOf(one, /<= ann@first\.test .* P=esmtpS X=TLS1\.3:\S+ /);
    await submit(first, "ann", "offers.hop", "");
    await logOf(offers, /<= ann@first\.test .* P=esmtps X=/);
  });

  const lacking: readonly [name: string, hop: Running, domain: string, status: string, log: RegExp][] = [
    [
      "without TLS",
      ...([clear, "clear.hop", "5.7.10"] as const),
      /\*\* bob@clear\.hop .* a TLS session is required, but the server did not offer TLS support/,
    ],
    [
      "that does not offer the word",
      ...([lacks, "lacks.hop", "5.7.30"] as const),
      /\*\* bob@lacks\.hop .*: REQUIRETLS support is required from the server but it was not offered/,
    ],
    [
      "with a certificate that nobody has signed",
      ...([unsigned, "unsigned.hop", "5.7.10"] as const),
      /\*\* bob@unsigned\.hop .*: TLS session: certificate verification failed/,
    ],
  ];
  for (const [name, hop, domain, status, log] of lacking) {
    test(`to one ${name}: the sender gets it back at once, with ${status}`, async () => {
      const [sender = ""] = domain.split(".");
      await submit(first, sender, domain);
      await logOf(first, log);
      assert.match(await reportTo(sender), new RegExp(`^Status: ${status.replaceAll(".", "\\.")}\\r?$`, "m"));
      assert.deepEqual(await messagesIn(hop.mailbox("bob", domain), 0), []);
    });
  }

  test("to an Exim, which knows TLS and not the word", async (t) => {
    if (needs(t, "exim-4.100") === undefined) return;
    const directory = await temporaryDirectory(t, "requiretls-exim");
    const [certificate, key] = [join(directory, "hop.pem"), join(directory, "hop.key")];
    const config = `
primary_hostname = exim.test
tls_advertise_hosts = *
tls_certificate = ${certificate}
tls_privatekey = ${key}
acl_smtp_rcpt = accept
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
    await copyFile(good.certificateFile, certificate);
    // It reads them as somebody who may not read ours.
    await writeFile(key, good.privateKey, { mode: 0o644 });
    const exim = await startExim("exim-4.100", config, { port: eximPort, directory });
    t.after(() => exim.stop());
    await submit(first, "eve", "exim.hop");
    assert.match(await reportTo("eve"), /^Status: 5\.7\.30\r?$/m);
    // Without the word, the same way is open.
    await submit(first, "eve", "exim.hop", "");
    await logOf(first, /=> bob@exim\.hop .* X=TLS1\.3/);
  });

  test("to the second of two hosts, where the first one does not offer it", async () => {
    await submit(first, "joe", "both.hop");
    assert.equal((await messagesIn(offers.mailbox("bob", "both.hop"))).length, 1);
    assert.deepEqual(await messagesIn(lacks.mailbox("bob", "both.hop"), 0), []);
  });

  test("a kill of the process does not take the tag from a message that waits", async (t) => {
    let isOpen = false;
    await using peer = await startSmtpPeer({
      tls: createSecureContext({ cert: good.certificate, key: good.privateKey }),
      keywords: ["REQUIRETLS"],
      answer: ({ moment }) => (moment === "MAIL" && !isOpen ? "450 later" : undefined),
    });
    const words = await firstHop(t, { "later.hop": `localhost::${peer.port}` });
    const { postbus, data } = await runningPostbus(t, ...words);
    await submit({ postbus }, "ann", "later.hop");
    await logOf({ data }, /== bob@later\.hop .*450 later/);
    await postbus.kill();
    isOpen = true;
    const before = peer.commands.length;
    const again = await startPostbus({ args: ["--data", data, "-DSMTP_PORT=0", ...words] });
    t.after(() => again.stop());
    await eventually(async () => (peer.messages.length > 0 ? true : undefined));
    const mails = peer.commands.slice(before).filter((line) => line.startsWith("MAIL"));
    assert.ok(mails.length > 0 && mails.every((line) => line.endsWith(" REQUIRETLS")), mails.join());
    assert.equal(peer.messages[0]?.isTls, true);
  });
});
