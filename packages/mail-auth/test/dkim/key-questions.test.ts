import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createResolver, parseServers, type Resolver } from "@postbus/dns";
import { startDnsServer } from "@postbus/testkit";
import { checkMessage, checkSpf } from "../../src/index.ts";
import { keyRecords, type Signer, signedBy } from "./signed-by.ts";

const MESSAGE = Buffer.from("From: joe@example.org\r\nTo: ann@example.net\r\nSubject: hi\r\n\r\nHello.\r\n");
const dead = Array.from({ length: 9 }, (_, i) => `dead${i}`);

const server = await startDnsServer({
  ...Object.fromEntries(dead.map((selector) => [`${selector}._domainkey.example.org`, "drop"])),
  "rsa._domainkey.example.org": { TXT: [keyRecords.rsa] },
  "example.org": { A: ["192.0.2.1"] },
  "silent.example.org": "drop",
  "_dmarc.example.org": { TXT: ["v=DMARC1; p=reject"] },
});
after(() => server.stop());

/** One that asks for a minute: what it asks in vain keeps its place so long. */
const patient = (parallel: number): Resolver => {
  const times = { attemptTimeoutMs: 60_000, deadlineMs: 60_000 };
  return createResolver({ servers: parseServers(server.address), ...times, parallel });
};

/** How many keys it is asked for at one time. */
class Counted implements Resolver {
  now = 0;
  most = 0;
  readonly #asked: Resolver;

  constructor(asked: Resolver) {
    this.#asked = asked;
  }

  resolve: Resolver["resolve"] = async (...question) => {
    if (!question[0].includes("._domainkey.")) return this.#asked.resolve(...question);
    this.most = Math.max(this.most, ++this.now);
    try {
      return await this.#asked.resolve(...question);
    } finally {
      this.now--;
    }
  };
}

const by = (...selectors: readonly string[]): readonly Signer[] =>
  selectors.map((selector) => ({ domain: "example.org", selector }));

test("a message with many dead keys has few places of the resolver, and none when it is done", {
  timeout: 60_000,
}, async () => {
  const resolver = new Counted(patient(4));
  const message = await signedBy(MESSAGE, ...by(...dead, "rsa"));
  const { dkim, dmarc } = await checkMessage(message, { timeoutMs: 4_000 }, resolver);
  assert.deepEqual(
    dkim.map(({ result }) => result),
    [...dead.map(() => "temperror"), "pass"],
    "the dead ones have left it time",
  );
  assert.equal(dmarc.result, "pass");
  assert.deepEqual([resolver.most, resolver.now], [3, 0]);
});

test("what a check has asked is given up when it is over", { timeout: 30_000 }, async () => {
  const resolver = patient(1);
  const spf = { clientAddress: "192.0.2.1", helo: "silent.example.org", returnPath: "" };
  assert.equal((await checkSpf(spf, resolver, { timeoutMs: 300 })).result, "temperror");
  const message = await signedBy(MESSAGE, ...by("dead0"));
  const { dkim } = await checkMessage(message, { timeoutMs: 2_000, skipsDmarc: true }, resolver);
  assert.equal(dkim[0]?.result, "temperror");
  assert.equal((await resolver.resolve("example.org", "A")).state, "found");
});

test("a key for which another message still waits is not given up", { timeout: 30_000 }, async () => {
  let isLost = true;
  const slow = await startDnsServer(
    { "rsa._domainkey.example.org": { TXT: [keyRecords.rsa] } },
    { tamper: (honest) => (isLost ? [] : [honest]) },
  );
  after(() => slow.stop());
  const resolver = createResolver({ servers: parseServers(slow.address), attemptTimeoutMs: 1_000 });
  const message = await signedBy(MESSAGE, ...by("rsa"));
  const options = { skipsDmarc: true };
  const [hasty, calm] = [100, 10_000].map((timeoutMs) => checkMessage(message, { ...options, timeoutMs }, resolver));
  assert.equal((await hasty)?.dkim[0]?.result, "temperror");
  isLost = false;
  assert.equal((await calm)?.dkim[0]?.result, "pass");
  const asked = slow.queries.filter((query) => query.includes("rsa"));
  assert.deepEqual(asked, Array(2).fill("udp TXT rsa._domainkey.example.org"));
});
