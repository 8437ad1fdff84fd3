import assert from "node:assert/strict";
import { test } from "node:test";
import { createResolver, parseServers } from "@postbus/dns";
import { SuffixFiles } from "@postbus/mail-auth";
import { ownThread } from "../src/own-thread.ts";
import { dnsLab, message, pool, signal, signed } from "./lab.ts";

const fromExample = {
  v: 1,
  clientAddress: "192.0.2.1",
  helo: "mail.example.org",
  returnPath: "joe@example.org",
} as const;
const fromSilence = { ...fromExample, returnPath: "joe@silent.example" };
const passed = { result: "pass", domain: "example.org" } as const;

async function* pieces(octets: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < octets.length; at += size) yield octets.subarray(at, at + size);
}

/** A thread's program that does something else than answer. */
const program = (source: string): URL =>
  new URL(`data:text/javascript,${encodeURIComponent(`import { parentPort } from "node:worker_threads";\n${source}`)}`);
const dies = program(`parentPort.on("message", () => process.exit(7));`);
const throws = program(`parentPort.on("message", () => { throw new Error("a bug"); });`);
const hangs = program(`parentPort.on("message", () => { for (;;); });`);

test("a thread answers what the own thread answers", async () => {
  const threads = await pool();
  const own = ownThread(createResolver({ servers: parseServers(await dnsLab()) }), new SuffixFiles());
  assert.deepEqual(await threads.spf(fromExample, signal), await own.spf(fromExample, signal));
  assert.equal((await threads.spf(fromExample, signal)).result, "pass");
  for (const content of [message, signed]) {
    for (const asked of [{}, { spf: passed }]) {
      assert.deepEqual(await threads.message(asked, content, signal), await own.message(asked, content, signal));
    }
  }
});

test("content that comes in pieces is fetched piece by piece, and the inline buffer stays the asker's", async () => {
  const threads = await pool();
  const copy = Buffer.from(signed);
  const whole = await threads.message({ spf: passed }, copy, signal);
  assert.deepEqual(copy, signed);
  assert.equal(whole.dkim[0]?.result, "fail");
  assert.equal(whole.dmarc.result, "pass");
  for (const size of [1, 50, 1000])
    assert.deepEqual(await threads.message({ spf: passed }, pieces(signed, size), signal), whole);
});

test("content that is not needed is let go of", async () => {
  const threads = await pool();
  const { promise: closed, resolve: close } = Promise.withResolvers<string>();
  async function* content(): AsyncGenerator<Buffer> {
    try {
      yield message;
      assert.fail("nobody needs the body of an unsigned message");
    } finally {
      close("closed");
    }
  }
  await threads.message({}, content(), signal);
  assert.equal(await closed, "closed");
});

test("content that cannot be read is the asker's error", async () => {
  const threads = await pool();
  async function* broken(): AsyncGenerator<Buffer> {
    yield signed;
    throw new Error("digest does not match");
  }
  await assert.rejects(threads.message({}, broken(), signal), /digest does not match/);
  assert.equal(
    (await threads.message({ spf: passed }, message, signal)).dmarc.result,
    "pass",
    "and the thread goes on",
  );
});

test("many questions at one time are shared by the threads and all answered", async () => {
  const threads = await pool({ workers: 2 });
  const answers = await Promise.all(
    Array.from({ length: 200 }, () => threads.message({ spf: passed }, signed, signal)),
  );
  assert.ok(answers.every(({ dmarc }) => dmarc.result === "pass"));
});

for (const [name, script] of [
  ["dies", dies],
  ["throws", throws],
  ["hangs", hangs],
] as const) {
  test(`a thread that ${name} is replaced; its questions get temperror`, async () => {
    const threads = await pool({ script, stuckAfterMs: 200 });
    for (let round = 0; round < 2; round++) {
      const [spf, facts] = await Promise.all([threads.spf(fromExample, signal), threads.message({}, signed, signal)]);
      assert.equal(spf.result, "temperror");
      assert.equal(facts.dmarc.result, "temperror");
      assert.deepEqual(facts.dkim, []);
    }
  });
}

test("who does not wait any longer is answered at once", async () => {
  const threads = await pool();
  const asker = new AbortController();
  const answer = threads.spf(fromSilence, asker.signal);
  asker.abort();
  assert.equal((await answer).result, "temperror");
  assert.equal((await threads.message({}, message, asker.signal)).dmarc.result, "temperror");
});
