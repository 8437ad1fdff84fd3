import assert from "node:assert/strict";
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type PostbusProcess, startDnsServer, startPostbus } from "@postbus/testkit";
import { temporaryDirectory } from "../support/fixture.ts";
import {
  raisedPeak,
  signedMessage,
  signersZone,
  startCountingSink,
  submitMessage,
} from "../support/large-message-lab.ts";

/** What one message may add to the peak of the whole program, from the client to the mailbox or the next hop. */
const MAX_RAISE_OCTETS = 40_000_000;
const LARGE_OCTETS = 25_000_000;
/** Code is compiled, files are open, and the heap has the size that small mail needs. */
const WARM_UP = 200;
const NEVER = 120_000;

const dns = await startDnsServer(signersZone);
after(() => dns.stop());
const small = signedMessage(4_000);

/** One after the other; the garbage of one must not be waiting when the next one comes. */
const messages: readonly [name: string, content: Buffer][] = [
  ["a first message of 25 MB", signedMessage(LARGE_OCTETS)],
  ["a second one", signedMessage(LARGE_OCTETS)],
  [
    "one that canonicalization changes in every line",
    signedMessage(LARGE_OCTETS, "some  words \t with too  many  blanks\r\n"),
  ],
];

test("25 MB to a next hop", { timeout: NEVER, skip: needsLinux() }, async (t) => {
  const sink = await startCountingSink();
  t.after(() => sink.stop());
  const { postbus } = await running(t, `-DSMARTHOST=127.0.0.1::${sink.port}`);
  let sent = 0;
  const send = async (content: Buffer): Promise<void> => {
    await submitMessage(postbus.port("smtp"), "ann@sink.test", content);
    await sink.received(++sent);
  };
  for (let i = 0; i < WARM_UP; i++) await send(small);
  for (const [name, content] of messages) {
    const raise = await raisedPeak(postbus.pid, () => send(content));
    t.diagnostic(`${name}: ${(raise / 1e6).toFixed(1)} MB`);
    assert.ok(raise < MAX_RAISE_OCTETS, `${name} takes ${raise} octets`);
  }
});

test("25 MB to a next hop that reads 5 MB a second", { timeout: NEVER, skip: needsLinux() }, async (t) => {
  const sink = await startCountingSink(5_000_000);
  t.after(() => sink.stop());
  const { postbus } = await running(t, `-DSMARTHOST=127.0.0.1::${sink.port}`);
  for (let i = 0; i < WARM_UP; i++) await submitMessage(postbus.port("smtp"), "ann@sink.test", small);
  await sink.received(WARM_UP);
  const raise = await raisedPeak(postbus.pid, async () => {
    await submitMessage(postbus.port("smtp"), "ann@sink.test", signedMessage(LARGE_OCTETS));
    await sink.received(WARM_UP + 1);
  });
  t.diagnostic(`${(raise / 1e6).toFixed(1)} MB`);
  assert.ok(raise < MAX_RAISE_OCTETS, `${raise} octets`);
});

test("25 MB to a mailbox here, with SPF, DKIM and DMARC", { timeout: NEVER, skip: needsLinux() }, async (t) => {
  const { postbus, data } = await running(t);
  const directory = join(data, "mail/example.test/ann/new");
  let sent = 0;
  const send = async (content: Buffer): Promise<void> => {
    await submitMessage(postbus.port("smtp"), "ann@example.test", content);
    sent++;
    while ((await readdir(directory).catch(() => [])).length < sent) await delay(20);
  };
  for (let i = 0; i < WARM_UP; i++) await send(small);
  for (const [name, content] of messages) {
    const raise = await raisedPeak(postbus.pid, () => send(content));
    t.diagnostic(`${name}: ${(raise / 1e6).toFixed(1)} MB`);
    assert.ok(raise < MAX_RAISE_OCTETS, `${name} takes ${raise} octets`);
  }
  const verified = await filesWith(directory, "dkim=pass");
  assert.equal(verified, sent, "every signature was looked at, and found good");
});

async function running(t: TestContext, ...args: string[]): Promise<{ postbus: PostbusProcess; data: string }> {
  let running: PostbusProcess | undefined;
  t.after(() => running?.stop());
  const data = await temporaryDirectory(t, "large");
  const postbus = await startPostbus({
    args: ["--data", data, "-DSMTP_PORT=0", ...args],
    env: { POSTBUS_DNS_SERVERS: dns.address },
  });
  running = postbus;
  return { postbus, data };
}

async function filesWith(directory: string, text: string): Promise<number> {
  let count = 0;
  for (const name of await readdir(directory)) {
    await using file = await open(join(directory, name));
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4096), 0, 4096, 0);
    if (buffer.toString("latin1", 0, bytesRead).includes(text)) count++;
  }
  return count;
}

/** The peak of a process is read from /proc. */
function needsLinux(): string | false {
  return process.platform === "linux" ? false : "SKIPPED: the peak of memory is read from /proc, which only Linux has";
}
