import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { freePort, makeCertificate, type PeerAction, startExim, startSmtpPeer } from "@postbus/testkit";
import nodemailer from "nodemailer";
import { eventually } from "../support/eventually.ts";
import { runningPostbus, type Scope, temporaryDirectory } from "../support/fixture.ts";
import { normalised } from "../support/normalised.ts";
import { needs } from "../support/programs.ts";
import { runScript } from "../support/scripted-client.ts";

const MAIN = `primary_hostname = mx.test
keep_environment =
host_lookup =
rfc1413_query_timeout = 0s
tls_advertise_hosts =
pipelining_connect_advertise_hosts =
`;

/** Says one thing after each reply, then nothing, until the server has closed. */
async function silentClient(port: number, lines: readonly string[]): Promise<void> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.setTimeout(60_000, () => socket.destroy(new Error("not closed in 60 s")));
  const left = [...lines];
  let heard = "";
  socket.on("data", (octets: Buffer) => {
    heard += octets.toString("latin1");
    if (!/^\d{3} .*\r\n$/m.test(heard)) return;
    heard = "";
    const next = left.shift();
    if (next !== undefined) socket.write(`${next}\r\n`);
  });
  await once(socket, "end");
  socket.end();
  await once(socket, "close");
}

async function refusedOverTls(port: number): Promise<void> {
  const transport = nodemailer.createTransport({
    host: "127.0.0.1",
    port,
    requireTLS: true,
    tls: { rejectUnauthorized: false, servername: "asked.test" },
  });
  const envelope = { from: "a@b.test", to: ["c@b.test"] };
  await assert.rejects(transport.sendMail({ envelope, raw: "Subject: x\r\n\r\ntext\r\n" }), /550/);
  transport.close();
}

interface Server {
  readonly port: number;
  /** Lines since it was asked last, when there is one that fits. */
  linesUntil(last: RegExp): Promise<readonly string[]>;
}

/** Lines of an Exim, and ours, with one configuration. */
async function bothWith(scope: Scope, config: string): Promise<readonly [exim: Server, ours: Server]> {
  const directory = await temporaryDirectory(scope, "exim");
  const exim = await startExim("exim-4.98", config, { port: await freePort(), directory });
  scope.after(() => exim.stop());
  const file = join(await temporaryDirectory(scope, "policy"), "p.conf");
  await writeFile(file, `daemon_smtp_ports = 0\nlocal_interfaces = 127.0.0.1\n${config}`);
  const { postbus, data } = await runningPostbus(scope, "--config", file);
  const server = (port: number, log: string): Server => {
    let seen = 0;
    return {
      port,
      linesUntil: (last) =>
        eventually(async () => {
          const text = (await readFile(log, "latin1").catch(() => "")).slice(seen);
          if (!last.test(text)) return undefined;
          seen += text.length;
          // The client before may not be gone yet.
          return normalised(text).map((line) => line.replace(/ \(TCP\/IP connection count = \d+\)/, ""));
        }),
    };
  };
  return [
    server(exim.port, join(directory, "log", "mainlog")),
    server(postbus.port("smtp"), join(data, "log", "mainlog")),
  ];
}

describe("lines of the log as from a real Exim", () => {
  test("a client that says nothing more has one line, and is not lost as well", async (t) => {
    if (needs(t, "exim-4.98") === undefined) return;
    const options = "smtp_receive_timeout = 3s\nlog_selector = +smtp_connection\nacl_smtp_rcpt = accept\n";
    const servers = await bothWith(t, MAIN + options);
    const envelope = ["EHLO x.test", "MAIL FROM:<a@b.test>"];
    const clients = [["EHLO x.test"], envelope, [...envelope, "RCPT TO:<c@b.test>", "DATA"]];
    const [theirs, ours] = await Promise.all(
      servers.map(async ({ port, linesUntil }) => {
        const all = [];
        // Whoever has looked whether the server is there has left lines, too; a client behind them ends those of the one before.
        for (const said of clients) {
          await runScript(port, ["EHLO before.test", "QUIT"]);
          await linesUntil(/before\.test.*QUIT/);
          await silentClient(port, said);
          await runScript(port, ["EHLO behind.test", "QUIT"]);
          all.push((await linesUntil(/behind\.test.*QUIT/)).filter((line) => line.includes("x.test")));
        }
        return all;
      }),
    );
    assert.deepEqual(ours, theirs);
    assert.match(ours?.[0]?.join() ?? "", /^SMTP command timeout on connection from [^,]*$/);
  });

  test("a SIZE above the limit for this client: that limit", async (t) => {
    if (needs(t, "exim-4.98") === undefined) return;
    const options = `message_size_limit = \${if eq{$sender_host_address}{127.0.0.1}{1K}{5M}}\nacl_smtp_rcpt = accept\n`;
    const lines = [];
    for (const { port, linesUntil } of await bothWith(t, MAIN + options)) {
      await runScript(port, ["EHLO x.test", "MAIL FROM:<a@b.test> SIZE=5000", "QUIT"]);
      lines.push((await linesUntil(/too big/)).filter((line) => line.includes("too big")));
    }
    assert.deepEqual(lines[1], lines[0]);
    assert.match(lines[0]?.join() ?? "", /size=5000 max=1024/);
  });

  test("what is refused over TLS says over what", async (t) => {
    if (needs(t, "exim-4.98") === undefined) return;
    const { certificateFile, privateKeyFile } = makeCertificate("mx.test");
    const main = MAIN.replace("tls_advertise_hosts =", "tls_advertise_hosts = *");
    const options = `tls_certificate = ${certificateFile}
tls_privatekey = ${privateKeyFile}
log_selector = +tls_sni +tls_peerdn
acl_smtp_rcpt = r
begin acl
r:
  deny
`;
    const lines = [];
    for (const { port, linesUntil } of await bothWith(t, main + options)) {
      await refusedOverTls(port);
      const refused = (await linesUntil(/rejected RCPT/)).filter((line) => line.includes("rejected RCPT"));
      // Exim's library has other words for ciphers.
      lines.push(refused.map((line) => line.replace(/ X=TLS\S+/, " X=CIPHER")));
    }
    assert.deepEqual(lines[1], lines[0]);
    assert.match(lines[0]?.join() ?? "", / X=CIPHER CV=no SNI=asked\.test F=<a@b\.test> rejected RCPT/);
  });

  test("callouts that fail before RCPT, and senders in headers that cannot be verified for now", async (t) => {
    if (needs(t, "exim-4.98") === undefined) return;
    const faults: Readonly<Record<string, readonly [moment: string, PeerAction]>> = {
      gone: ["connect", { do: "cut" }],
      mute: ["EHLO", { do: "cut" }],
      picky: ["MAIL", "550-not\n550 from you"],
      hasty: ["MAIL", { do: "cut" }],
    };
    let routers = "";
    for (const [name, [moment, action]] of Object.entries(faults)) {
      const peer = await startSmtpPeer({ answer: (asked) => (asked.moment === moment ? action : undefined) });
      t.after(() => peer[Symbol.asyncDispose]());
      routers += `${name}:
  driver = manualroute
  domains = ${name}.test
  route_data = 127.0.0.1::${peer.port}
  self = send
  transport = out
`;
    }
    const config = `${MAIN}acl_smtp_rcpt = r
acl_smtp_data = d
begin acl
r:
  require verify = recipient/callout=10s,no_cache
  accept
d:
  require verify = header_sender
  accept
begin routers
${routers}later:
  driver = redirect
  domains = later.test
  allow_defer
  data = :defer: come again
all:
  driver = redirect
  data = :blackhole:
begin transports
out:
  driver = smtp
  allow_localhost
`;
    const script = [
      "EHLO x.test",
      "MAIL FROM:<a@b.test>",
      ...Object.keys(faults).map((name) => `RCPT TO:<u@${name}.test>`),
      "RCPT TO:<c@b.test>",
      "DATA",
      "From: a@later.test\n\ntext\n.",
      "QUIT",
    ];
    const [theirs, ours] = await Promise.all(
      (await bothWith(t, config)).map(async ({ port, linesUntil }) => {
        const replies = (await runScript(port, script)).slice(2, -1);
        const lines = (await linesUntil(/rejected after DATA/)).filter((line) => line.includes("rejected"));
        return { replies: replies.map((reply) => reply.replace(/ \d\.\d\.\d /, " ")), lines };
      }),
    );
    assert.deepEqual(ours, theirs);
    assert.equal(ours?.lines.length, Object.keys(faults).length + 1);
  });
});
