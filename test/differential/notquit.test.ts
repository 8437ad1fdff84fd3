import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { freePort, makeCertificate, type PostbusProcess, startExim } from "@postbus/testkit";
import { RawClient } from "../bad-input/raw-client.ts";
import { eventually } from "../support/eventually.ts";
import { runningPostbus, temporaryDirectory } from "../support/fixture.ts";
import { needs } from "../support/programs.ts";

const CONFIG = `primary_hostname = mx.test
keep_environment =
host_lookup =
rfc1413_query_timeout = 0s
pipelining_connect_advertise_hosts =
tls_advertise_hosts = *
acl_smtp_connect = c
acl_smtp_helo = h
acl_smtp_rcpt = r
acl_smtp_data = d
acl_smtp_notquit = n
begin acl
c:
  warn logwrite = CONNECT $sender_host_port $pid
  accept
h:
  drop condition = \${if eq{$sender_helo_name}{drop}}
  accept
r:
  drop local_parts = drop
  accept
d:
  drop condition = \${if match{$h_subject:}{drop}}
  deny condition = \${if match{$h_subject:}{deny}}
  accept
n:
  accept logwrite = NOTQUIT $sender_host_port $smtp_notquit_reason
begin routers
all:
  driver = redirect
  data = :blackhole:
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = \${if eq{$auth3}{x}}
`;

/** A session that ends without QUIT. */
interface End {
  readonly name: string;
  /** Undefined: the ACL is not asked. */
  readonly reason: string | undefined;
  /** What the client says, each after the reply to what was before; `→` in front: without waiting for one. */
  readonly says?: readonly string[];
  /** What it does when it has said all. */
  readonly last: "waits" | "closes" | "resets";
  /** To the port where TLS comes first. */
  readonly isTls?: boolean;
}

const MAIL = ["EHLO x\r\n", "MAIL FROM:<a@b.test>\r\n"];
const RCPT = [...MAIL, "RCPT TO:<c@b.test>\r\n"];
const DATA = [...RCPT, "DATA\r\n"];
const STARTTLS = ["EHLO x\r\n", "STARTTLS\r\n"];
const times = (count: number, line: string): string[] => Array.from({ length: count }, () => line);

const ENDS: readonly End[] = [
  {
    name: "TLS first, and clear text",
    isTls: true,
    reason: undefined,
    says: ["→EHLO x\r\nEHLO x\r\n"],
    last: "closes",
  },
  { name: "TLS first, and the client goes", isTls: true, reason: undefined, last: "closes" },
  {
    name: "clear text instead of a handshake",
    reason: "tls-failed",
    says: [...STARTTLS, "→EHLO x\r\nNOOP\r\n"],
    last: "closes",
  },
  { name: "the client goes instead of a handshake", reason: "tls-failed", says: STARTTLS, last: "closes" },
  { name: "drop at EHLO", reason: "acl-drop", says: ["EHLO drop\r\n"], last: "waits" },
  { name: "drop at RCPT", reason: "acl-drop", says: [...MAIL, "RCPT TO:<drop@b.test>\r\n"], last: "waits" },
  { name: "drop at DATA", reason: "acl-drop", says: [...DATA, "Subject: drop\r\n\r\n.\r\n"], last: "waits" },
  {
    name: "unknown commands",
    reason: "bad-commands",
    says: ["X\r\n", "Y\r\n", "Z\r\n", "X\r\n", "Y\r\n"],
    last: "waits",
  },
  { name: "syntax errors", reason: "bad-commands", says: ["EHLO x\r\n", ...times(5, "RCPT\r\n")], last: "waits" },
  {
    name: "commands that are no mail",
    reason: "bad-commands",
    says: ["EHLO x\r\n", ...times(12, "NOOP\r\n")],
    last: "waits",
  },
  {
    name: "commands too soon",
    reason: "synchronization-error",
    says: ["HELO x\r\n", "MAIL FROM:<>\r\nRSET\r\n"],
    last: "waits",
  },
  { name: "gone at once", reason: "connection-lost", last: "closes" },
  { name: "gone behind MAIL", reason: "connection-lost", says: MAIL, last: "closes" },
  {
    name: "gone behind an AUTH challenge",
    reason: "connection-lost",
    says: ["EHLO x\r\n", "AUTH PLAIN\r\n"],
    last: "closes",
  },
  { name: "gone in the header section", reason: "connection-lost", says: [...DATA, "→Subject: x"], last: "closes" },
  { name: "gone in the body", reason: "connection-lost", says: [...DATA, "→Subject: x\r\n\r\ntext"], last: "closes" },
  { name: "gone in a chunk", reason: "connection-lost", says: [...RCPT, "→BDAT 100 LAST\r\nSub"], last: "closes" },
  { name: "a reset in content", reason: "connection-lost", says: [...DATA, "→Subject: x"], last: "resets" },
];

const SILENT_ENDS: readonly End[] = [
  { name: "at once", reason: "command-timeout", last: "waits" },
  { name: "behind EHLO", reason: "command-timeout", says: ["EHLO x\r\n"], last: "waits" },
  { name: "in a command", reason: "command-timeout", says: ["EHLO x\r\n", "→NOO"], last: "waits" },
  {
    name: "behind an AUTH challenge",
    reason: "command-timeout",
    says: ["EHLO x\r\n", "AUTH PLAIN\r\n"],
    last: "waits",
  },
  { name: "in a transaction", reason: "command-timeout", says: RCPT, last: "waits" },
  { name: "between chunks", reason: "command-timeout", says: [...RCPT, "BDAT 4\r\nX:y\n"], last: "waits" },
  {
    name: "behind a refused message",
    reason: "command-timeout",
    says: [...DATA, "Subject: deny\r\n\r\n.\r\n"],
    last: "waits",
  },
  { name: "behind DATA", reason: "data-timeout", says: DATA, last: "waits" },
  { name: "in the header section", reason: "data-timeout", says: [...DATA, "→Subject: x"], last: "waits" },
  { name: "in the body", reason: "data-timeout", says: [...DATA, "→Subject: x\r\n\r\ntext"], last: "waits" },
  { name: "in a chunk", reason: "data-timeout", says: [...RCPT, "→BDAT 100 LAST\r\nSub"], last: "waits" },
];

interface Server {
  readonly name: string;
  readonly port: number;
  readonly tlsPort: number;
  log(): Promise<string>;
}

const readLog = (directory: string) => () => readFile(join(directory, "log/mainlog"), "latin1").catch(() => "");

/** @param main Lines of the main section. */
async function exim(t: TestContext, main = ""): Promise<Server> {
  const directory = await temporaryDirectory(t, "exim");
  const { certificate, privateKey } = makeCertificate("mx.test");
  const files = { certificate: join(directory, "mx.pem"), privatekey: join(directory, "mx.key") };
  await writeFile(files.certificate, certificate);
  // It reads them as somebody who may not read ours.
  await writeFile(files.privatekey, privateKey, { mode: 0o644 });
  const [port, tlsPort] = [await freePort(), await freePort()];
  const own = `tls_certificate = ${files.certificate}\ntls_privatekey = ${files.privatekey}\ntls_on_connect_ports = ${tlsPort}`;
  const server = await startExim(
    "exim-4.98",
    `${own}\n${main}\n${CONFIG}`,
    { port, directory },
    "-oX",
    `${port} : ${tlsPort}`,
  );
  t.after(() => server.stop());
  return { name: "Exim", port, tlsPort, log: readLog(directory) };
}

async function ours(t: TestContext, main = ""): Promise<Server & { readonly postbus: PostbusProcess }> {
  const file = join(await temporaryDirectory(t, "policy"), "p.conf");
  const { certificateFile, privateKeyFile } = makeCertificate("mx.test");
  const tlsPort = await freePort();
  const ports = `daemon_smtp_ports = 0 : ${tlsPort}\ntls_on_connect_ports = ${tlsPort}\nlocal_interfaces = 127.0.0.1\nsmtp_accept_max = 200`;
  const own = `tls_certificate = ${certificateFile}\ntls_privatekey = ${privateKeyFile}`;
  await writeFile(file, `${ports}\n${own}\n${main}\n${CONFIG}`);
  const { postbus, data } = await runningPostbus(t, "--config", file);
  const port = Number(/:(\d+)/.exec(postbus.addresses.get("smtp") ?? "")?.[1]);
  return { name: "Postbus", port, tlsPort, log: readLog(data), postbus };
}

/** @returns the client, which has said all and heard all that it waits for. */
async function saidTo({ port, tlsPort }: Server, { says = [], isTls = false }: Pick<End, "says" | "isTls">) {
  const client = await RawClient.connect(isTls ? tlsPort : port);
  if (!isTls) assert.match((await client.reply()) ?? "", /^220 /);
  for (const text of says) {
    await client.send(text.replace("→", ""));
    if (!text.startsWith("→") && (await client.reply()) === undefined) break;
  }
  return client;
}

/**
 * What the ACL has said of that client, when it has; undefined: nothing yet.
 *
 * @param which Of the clients that had this port one after the other, as for `at`.
 */
async function reasonFor(server: Server, { localPort }: RawClient, which = -1): Promise<string | undefined> {
  const ofPort = (await server.log()).split(`CONNECT ${localPort} `).slice(1).at(which) ?? "";
  return new RegExp(`NOTQUIT ${localPort} (\\S+)`).exec(ofPort)?.[1];
}

/** Plays it, and looks whether it has come to its end. @returns a look for a reason of those who should have none. */
async function ended(server: Server, end: End): Promise<() => Promise<void>> {
  const client = await saidTo(server, end);
  if (end.last === "closes") client.halfClose();
  if (end.last === "resets") client.reset();
  else await client.ended();
  client.close();
  const what = `${server.name}: ${end.name}`;
  if (end.reason !== undefined) {
    assert.equal(await eventually(() => reasonFor(server, client)), end.reason, what);
    return async () => undefined;
  }
  await eventually(async () => (await server.log()).includes(`CONNECT ${client.localPort} `) || undefined);
  return async () => assert.equal(await reasonFor(server, client, 0), undefined, what);
}

test("$smtp_notquit_reason is that of a real Exim", async (t) => {
  if (needs(t, "exim-4.98") === undefined) return;
  for (const server of [await exim(t), await ours(t)]) {
    const looks = [];
    for (const end of ENDS) looks.push(await ended(server, end));
    for (const look of looks) await look();
  }
});

test("of silence, too", async (t) => {
  if (needs(t, "exim-4.98") === undefined) return;
  const main = "smtp_receive_timeout = 5s";
  for (const server of [await exim(t, main), await ours(t, main)]) {
    await Promise.all(SILENT_ENDS.map((end) => ended(server, end)));
  }
});

test("and where the process is told to end", async (t) => {
  if (needs(t, "exim-4.98") === undefined) return;
  const says = ["EHLO x\r\n"];
  const real = await exim(t);
  const client = await saidTo(real, { says });
  const [, pid] = new RegExp(`CONNECT ${client.localPort} (\\d+)`).exec(await real.log()) ?? [];
  // Exim does not see one that comes just before it begins to read.
  await eventually(async () => {
    if (client.received !== "") return true;
    process.kill(Number(pid), "SIGTERM");
    return undefined;
  });
  assert.match((await client.reply()) ?? "", /^421 /);
  assert.equal(await eventually(() => reasonFor(real, client)), "signal-exit");
  client.close();

  const server = await ours(t);
  const silent = await saidTo(server, { says: [] });
  const greeted = await saidTo(server, { says });
  const inTransaction = await saidTo(server, { says: RCPT });
  const inContent = await saidTo(server, { says: DATA });
  const gone = server.postbus.stop();
  for (const one of [silent, greeted]) assert.match((await one.reply()) ?? "", /^421 /);
  // A transaction may be ended, and is heard to its end.
  await inContent.send("Subject: x\r\n\r\ntext\r\n.\r\n");
  assert.match((await inContent.reply()) ?? "", /^250 /);
  assert.match((await inContent.reply()) ?? "", /^421 /);
  await inTransaction.send("RSET\r\n");
  assert.match((await inTransaction.reply()) ?? "", /^250 /);
  assert.match((await inTransaction.reply()) ?? "", /^421 /);
  for (const one of [silent, greeted, inTransaction, inContent]) one.close();
  assert.equal(await gone, 0);
  for (const one of [silent, greeted, inTransaction, inContent]) {
    assert.equal(await reasonFor(server, one), "signal-exit");
  }
});
