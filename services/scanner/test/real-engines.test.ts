import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Content, ScanTask } from "@postbus/contracts";
import { clamdIsMissing, freePort, spamdIsMissing, startClamd, startSpamd } from "@postbus/testkit";
import { inline, question, scansWith, spooled, spoolOf } from "./scan-lab.ts";

async function daemon(t: TestContext, start: typeof startClamd) {
  const directory = await mkdtemp(join(tmpdir(), "postbus-engine-"));
  const server = await start({ port: await freePort(), directory });
  t.after(async () => {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  });
  return server;
}

const INFECTED = `Subject: x
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: application/octet-stream; name=x.bin
Content-Transfer-Encoding: base64

${Buffer.from("xx postbus-test-signature xx").toString("base64")}
--b--
`.replaceAll("\n", "\r\n");

/** A message that is all its content, as it came. */
function whole(task: ScanTask, messageId: string, text: string): [ReturnType<typeof question>, Content] {
  const header = { text: "Received: from us\r\n", replaces: 0 };
  return [question(task, { messageId, header }), { kind: "inline", octets: Buffer.from(text, "latin1") }];
}

test("a real clamd finds what is in a message, over TCP and on its socket, and says what is too large", async (t) => {
  const reason = clamdIsMissing();
  if (reason !== undefined) return t.skip(`SKIPPED: ${reason}`);
  const { port, directory } = await daemon(t, startClamd);
  const { scans } = scansWith();
  for (const [name, server] of Object.entries({
    tcp: { host: "127.0.0.1", port },
    socket: { path: join(directory, "clamd.sock") },
  })) {
    const task: ScanTask = { engine: "malware", scanner: "clamd", servers: [{ server, retryMs: 0 }] };
    const bad = await scans.answer(...whole(task, `bad ${name}`, INFECTED));
    assert.deepEqual(bad.state === "scanned" && bad.verdict, { engine: "malware", name: "Postbus.Test.UNOFFICIAL" });
    const good = await scans.answer(question(task, { messageId: `good ${name}` }), inline);
    assert.deepEqual(good.state === "scanned" && good.verdict, { engine: "malware", name: "" });
  }
  // Piece by piece, and more than clamd takes: it answers and closes before it has heard all of it.
  const raw = Buffer.alloc(8_000_000, "x\r\n");
  const { scans: large } = scansWith({ spool: spoolOf(raw, 64 * 1024) });
  const servers = [{ server: { host: "127.0.0.1", port }, retryMs: 0 }];
  const task: ScanTask = { engine: "malware", scanner: "clamd", servers };
  const answer = await large.answer(question(task, { header: { text: "", replaces: 0 } }), spooled(raw));
  assert.match(answer.state === "failed" ? answer.reason : "", /size limit exceeded|connection was lost/);
});

test("a real spamd gives its score and its report", async (t) => {
  const reason = spamdIsMissing();
  if (reason !== undefined) return t.skip(`SKIPPED: ${reason}`);
  const { port } = await daemon(t, startSpamd);
  const { scans } = scansWith();
  const usual = { priority: 1, weight: 1, retryMs: 0, timeoutMs: 60_000 };
  const servers = [{ server: { host: "127.0.0.1", port }, protocol: "spamd" as const, ...usual }];
  const task: ScanTask = { engine: "spam", user: "nobody", servers };
  const bad = await scans.answer(...whole(task, "bad", "Subject: this is spam\r\n\r\nbody\r\n"));
  assert.partialDeepStrictEqual(bad.state === "scanned" && bad.verdict, {
    engine: "spam",
    score: 7.5,
    threshold: 5,
    action: "reject",
  });
  assert.match(JSON.stringify(bad), /Score 7\.5 of 5\.0\\n 7\.5 POSTBUS_TEST +Subject says so\\n/);
  const good = await scans.answer(question(task, { messageId: "good" }), inline);
  assert.partialDeepStrictEqual(good.state === "scanned" && good.verdict, { score: 0, action: "no action" });
});
