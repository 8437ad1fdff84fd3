import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { DccTask, ScanServer, ScanTask } from "@postbus/contracts";
import { startScriptedEngine } from "@postbus/testkit";
import { askClamd } from "../../src/clients/clamd.ts";
import { askDccifd } from "../../src/clients/dccifd.ts";
import { askRspamd } from "../../src/clients/rspamd.ts";
import { askSpamd } from "../../src/clients/spamd.ts";
import { EngineHosts } from "../../src/hosts/engine-hosts.ts";
import { ScannedMessage } from "../../src/message/scanned-message.ts";
import { BODY, HEADER, messageOf, question, spooled, spoolOf } from "../scan-lab.ts";

const SIGNAL = AbortSignal.timeout(60_000);
const hosts = new EngineHosts(5);
const at = (port: number): ScanServer => ({ host: "127.0.0.1", port });

const dccTask = (server: ScanServer): DccTask => ({
  engine: "dcc",
  server,
  options: "header",
  clientAddress: "192.0.2.44",
  helo: "helo.client.test",
});
const malwareTask = (server: ScanServer): ScanTask => ({
  engine: "malware",
  scanner: "clamd",
  servers: [{ server, retryMs: 0 }],
});

const EXPECTED_DCC = `header
192.0.2.44
helo.client.test
s@insecure.test
a@good.test
b@good.test

Received: from x
\tby y; Thu, 5 Nov 2026 09:08:07 +0000
Subject: hello

line one
.dot line
`;

describe("what dccifd gets", () => {
  test("over TCP: lines with LF, the message as it is, and the end of our side", async () => {
    await using engine = await startScriptedEngine({ answer: () => ({ answer: ["A", "\nA", "A\n\n"] }) });
    const task = dccTask(at(engine.port));
    const verdict = await askDccifd(hosts, task, messageOf(task), SIGNAL);
    assert.deepEqual(verdict, { engine: "dcc", overall: "A", recipients: "AA", header: "" });
    assert.deepEqual(engine.requests, [EXPECTED_DCC]);
  });

  test("the same on a UNIX socket", async (t) => {
    const directory = await mkdtemp(join(tmpdir(), "postbus-dcc-"));
    t.after(() => rm(directory, { recursive: true }));
    const path = join(directory, "dccifd");
    await using engine = await startScriptedEngine({ answer: () => ({ answer: "G\nGG\n\n" }), path });
    const task = dccTask({ path });
    assert.equal((await askDccifd(hosts, task, messageOf(task), SIGNAL)).overall, "G");
    assert.deepEqual(engine.requests, [EXPECTED_DCC]);
  });

  test("what a peer has chosen makes no line of its own, and the null sender is <>", async () => {
    await using engine = await startScriptedEngine({ answer: () => ({ answer: "A\nA\n\n" }) });
    const task = { ...dccTask(at(engine.port)), helo: "x\ny", options: "" };
    await askDccifd(hosts, task, messageOf(task, { returnPath: "", recipients: ['"a\n"@b.test'] }), SIGNAL);
    assert.ok(engine.requests[0]?.startsWith('\n192.0.2.44\nxy\n<>\n"a"@b.test\n\nReceived: '));
  });

  test("large content comes from the spool piece by piece, whatever its pieces are", async () => {
    await using engine = await startScriptedEngine({ answer: () => ({ answer: "A\nAA\n\n" }) });
    const task = dccTask(at(engine.port));
    const raw = Buffer.from(`Subject: hello\r\n\r\n${BODY.repeat(20_000)}lone \r here\r\r\n`, "latin1");
    for (const size of [1_000, 7, 64 * 1024]) {
      const message = new ScannedMessage(question(task), spooled(raw), spoolOf(raw, size));
      await askDccifd(hosts, task, message, SIGNAL);
      const body = engine.requests.at(-1)?.split("\n\n").slice(2).join("\n\n");
      assert.ok(body === `${BODY.repeat(20_000)}lone \r here\r\r\n`.replaceAll("\r\n", "\n"), `pieces of ${size}`);
    }
  });
});

// As Exim 4.98 writes it, with CRLF.
const MAILBOX_HEAD =
  /^From MAILER-DAEMON \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\r\nX-Envelope-From: <s@insecure\.test>\r\nX-Envelope-To: a@good\.test, b@good\.test\r\n/;

/** The stream that a request of clamd's INSTREAM carries. */
function streamIn(request: string): string {
  const octets = Buffer.from(request, "latin1");
  assert.equal(octets.toString("latin1", 0, 10), "zINSTREAM\0");
  const pieces: string[] = [];
  let from = 10;
  for (let size = octets.readUInt32BE(from); size > 0; size = octets.readUInt32BE(from)) {
    pieces.push(octets.toString("latin1", from + 4, from + 4 + size));
    from += 4 + size;
  }
  assert.equal(octets.length, from + 4, "a length of 0 ends it");
  return pieces.join("");
}

describe("what clamd and spamd get", () => {
  test("clamd: a stream in pieces, as Exim makes a mailbox of it", async () => {
    const isWhole = (request: string) => request.endsWith("\0\0\0\0");
    await using engine = await startScriptedEngine({ isWhole, answer: () => ({ answer: "stream: Worm FOUND\0" }) });
    const server = at(engine.port);
    assert.equal(await askClamd(hosts, { server }, messageOf(malwareTask(server)), SIGNAL), "Worm");
    const stream = streamIn(engine.requests[0] ?? "");
    assert.match(stream, MAILBOX_HEAD);
    assert.equal(stream.replace(MAILBOX_HEAD, ""), HEADER + BODY);
  });

  test("spamd: REPORT for a user, with the length of what follows", async () => {
    const answer = "SPAMD/1.1 0 EX_OK\r\nSpam: False ; 0.5 / 5.0\r\n\r\nfine\r\n";
    await using engine = await startScriptedEngine({ answer: () => ({ answer }) });
    const server = at(engine.port);
    const asked = { server, command: "REPORT", user: "nobody\r\nX: y" } as const;
    const said = await askSpamd(hosts, asked, messageOf(malwareTask(server)), SIGNAL);
    assert.deepEqual(said, { score: 0.5, threshold: 5, text: "fine\n" });
    const [head = "", ...rest] = (engine.requests[0] ?? "").split("\r\n\r\n");
    const content = rest.join("\r\n\r\n");
    assert.equal(head, `REPORT SPAMC/1.2\r\nUser: nobodyX: y\r\nContent-length: ${content.length}`);
    assert.match(content, MAILBOX_HEAD);
    assert.equal(content.replace(MAILBOX_HEAD, ""), HEADER + BODY);
  });

  test("rspamd: the envelope as fields of HTTP, the message as it is", async () => {
    const body = JSON.stringify({ score: 1, required_score: 15, action: "no action" });
    const answer = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const isWhole = (request: string) => request.endsWith(BODY);
    await using engine = await startScriptedEngine({ isWhole, answer: () => ({ answer }) });
    const server = at(engine.port);
    const client = { address: "192.0.2.44", helo: "h\r\nX: y", name: "host.test", authenticatedId: "joe" };
    const message = messageOf(malwareTask(server), { client });
    const said = await askRspamd(hosts, { server, user: "ann", settingsId: "strict" }, message, SIGNAL);
    assert.equal(said.action, "no action");
    const [head = "", ...rest] = (engine.requests[0] ?? "").split("\r\n\r\n");
    assert.equal(rest.join("\r\n\r\n"), HEADER + BODY);
    assert.deepEqual(head.split("\r\n"), [
      "POST /checkv2 HTTP/1.0",
      `Host: 127.0.0.1:${engine.port}`,
      `Content-Length: ${HEADER.length + BODY.length}`,
      "Queue-Id: m1",
      "IP: 192.0.2.44",
      "Helo: hX: y",
      "Hostname: host.test",
      "User: joe",
      "From: <s@insecure.test>",
      "Rcpt: <a@good.test>",
      "Rcpt: <b@good.test>",
      "Deliver-To: ann",
      "Settings-ID: strict",
    ]);
  });

  test("an engine that answers before it has heard everything has answered", async () => {
    const isWhole = (request: string) => request.length > 100;
    const answer = "INSTREAM size limit exceeded. ERROR\0";
    await using engine = await startScriptedEngine({ isWhole, answer: () => ({ answer }) });
    const server = at(engine.port);
    const raw = Buffer.alloc(30_000_000, "x");
    const spool = spoolOf(raw, 64 * 1024);
    const message = new ScannedMessage(question(malwareTask(server)), spooled(raw), spool);
    await assert.rejects(askClamd(hosts, { server }, message, SIGNAL), /size limit exceeded/);
  });
});
