import assert from "node:assert/strict";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { createSecureContext, connect as tlsConnect } from "node:tls";
import { freePort, makeCertificate, startExim, startPostbus, startSmtpPeer } from "@postbus/testkit";
import { eventually } from "./support/eventually.ts";
import { type Running, runningPostbus, temporaryDirectory } from "./support/fixture.ts";
import { messagesIn } from "./support/mailbox.ts";
import { needs } from "./support/programs.ts";

const authority = makeCertificate("authority.test", { isAuthority: true });
/** Next hops are at `localhost`. */
const good = makeCertificate("localhost", { issuer: authority });
const selfSigned = makeCertificate("localhost");

const tlsLines = ({ certificateFile, privateKeyFile }: typeof good): string =>
  `tls_certificate = ${certificateFile}\ntls_privatekey = ${privateKeyFile}\n`;

/** Our example policy with further lines before it; its transport believes the authority. */
async function policyWith(t: TestContext, lines: string): Promise<string> {
  const file = join(await temporaryDirectory(t, "policy"), "p.conf");
  const example = await readFile(join(import.meta.dirname, "../deploy/policies/postbus.conf"), "latin1");
  const own = `hosts_override\n  tls_verify_certificates = ${authority.certificateFile}`;
  await writeFile(file, `${lines}\n${example.replace("hosts_override", own)}`);
  return file;
}

/** Who takes a message with REQUIRETLS, and passes it on to these ports of this machine. */
async function firstHop(t: TestContext, ports: readonly number[], ...more: string[]): Promise<Running> {
  const hops = ports.map((port) => `localhost::${port}`).join(" : ");
  const policy = await policyWith(t, `${tlsLines(good)}tls_on_connect_ports = 0`);
  return runningPostbus(t, "--config", policy, "-DLOCAL_DOMAINS=first.test", `-DSMARTHOST=${hops}`, ...more);
}

const nextHop = async (t: TestContext, tls: string): Promise<Running> =>
  runningPostbus(t, "--config", await policyWith(t, tls));

/** Over TLS from the first octet on. */
async function submit(port: number, parameters = " REQUIRETLS"): Promise<void> {
  const socket = tlsConnect({ port, host: "127.0.0.1", ca: authority.certificate, servername: "localhost" });
  socket.setTimeout(20_000, () => socket.destroy(new Error("no reply in 20 s")));
  const lines = [
    "EHLO client.test",
    `MAIL FROM:<ann@first.test>${parameters}`,
    "RCPT TO:<bob@example.test>",
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

const logOf = async ({ data }: Running, pattern: RegExp): Promise<string> =>
  eventually(async () => {
    const text = await readFile(join(data, "log", "mainlog"), "latin1").catch(() => "");
    return pattern.exec(text)?.[0];
  });

/** The report that the sender gets: no word of the message in it. */
async function reportTo(first: Running): Promise<string> {
  const [bounce = ""] = await messagesIn(first.mailbox("ann", "first.test"));
  assert.match(bounce, /^Content-Type: text\/rfc822-headers\r?$/m);
  assert.match(bounce, /^Subject: sealed\r?$/m);
  assert.doesNotMatch(bounce, /secret words/);
  return bounce;
}

describe("REQUIRETLS (RFC 8689) from one Postbus to the next", { concurrency: 2 }, () => {
  test("over TLS: both say esmtpS, and the mailbox has the message", async (t) => {
    const second = await nextHop(t, tlsLines(good));
    const first = await firstHop(t, [second.postbus.port("smtp")]);
    await submit(first.postbus.port("smtp"));
    const [message = ""] = await messagesIn(second.mailbox("bob"));
    assert.match(message, /secret words/);
    assert.equal(message.match(/\bwith esmtpS \(TLS/g)?.length, 2);
    for (const one of [first, second]) await logOf(one, /<= ann@first\.test .* P=esmtpS X=TLS1\.3:\S+ /);
    await submit(first.postbus.port("smtp"), "");
    await logOf(second, /<= ann@first\.test .* P=esmtps X=/);
  });

  const lacking: readonly [name: string, tls: string, status: string, log: RegExp][] = [
    ["without TLS", "", "5.7.10", /\*\* bob@.* a TLS session is required, but the server did not offer TLS support/],
    [
      "that does not offer the word",
      `${tlsLines(good)}tls_advertise_requiretls =`,
      "5.7.30",
      /\*\* bob@.*: REQUIRETLS support is required from the server but it was not offered/,
    ],
    [
      "with a certificate that nobody has signed",
      tlsLines(selfSigned),
      "5.7.10",
      /\*\* bob@.*: TLS session: certificate verification failed/,
    ],
  ];
  for (const [name, tls, status, log] of lacking) {
    test(`to one ${name}: the sender gets it back at once, with ${status}`, async (t) => {
      const second = await nextHop(t, tls);
      const first = await firstHop(t, [second.postbus.port("smtp")]);
      await submit(first.postbus.port("smtp"));
      await logOf(first, log);
      assert.match(await reportTo(first), new RegExp(`^Status: ${status.replaceAll(".", "\\.")}\\r?$`, "m"));
      assert.deepEqual(await messagesIn(second.mailbox("bob"), 0), []);
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
    const exim = await startExim("exim-4.100", config, { port: await freePort(), directory });
    t.after(() => exim.stop());
    const first = await firstHop(t, [exim.port]);
    await submit(first.postbus.port("smtp"));
    assert.match(await reportTo(first), /^Status: 5\.7\.30\r?$/m);
    // Without the word, the same way is open.
    await submit(first.postbus.port("smtp"), "");
    await logOf(first, /=> bob@example\.test .* X=TLS1\.3/);
  });

  test("to the second of two hosts, where the first one does not offer it", async (t) => {
    const lacks = await nextHop(t, `${tlsLines(good)}tls_advertise_requiretls =`);
    const offers = await nextHop(t, tlsLines(good));
    const first = await firstHop(t, [lacks.postbus.port("smtp"), offers.postbus.port("smtp")]);
    await submit(first.postbus.port("smtp"));
    assert.equal((await messagesIn(offers.mailbox("bob"))).length, 1);
    assert.deepEqual(await messagesIn(lacks.mailbox("bob"), 0), []);
  });

  test("a kill of the process does not take the tag from a message that waits", async (t) => {
    let isOpen = false;
    await using peer = await startSmtpPeer({
      tls: createSecureContext({ cert: good.certificate, key: good.privateKey }),
      keywords: ["REQUIRETLS"],
      answer: ({ moment }) => (moment === "MAIL" && !isOpen ? "450 later" : undefined),
    });
    const options = ["-DRETRY=F,1h,1s"];
    const first = await firstHop(t, [peer.port], ...options);
    await submit(first.postbus.port("smtp"));
    await logOf(first, /== bob@example\.test .*450 later/);
    await first.postbus.kill();
    isOpen = true;
    const before = peer.commands.length;
    const policy = await policyWith(t, "");
    const again = await startPostbus({
      args: [
        ...["--data", first.data, "-DSMTP_PORT=0", "--config", policy],
        ...["-DLOCAL_DOMAINS=first.test", `-DSMARTHOST=localhost::${peer.port}`, ...options],
      ],
    });
    t.after(() => again.stop());
    await eventually(async () => (peer.messages.length > 0 ? true : undefined));
    const mails = peer.commands.slice(before).filter((line) => line.startsWith("MAIL"));
    assert.ok(mails.length > 0 && mails.every((line) => line.endsWith(" REQUIRETLS")), mails.join());
    assert.equal(peer.messages[0]?.isTls, true);
  });
});
