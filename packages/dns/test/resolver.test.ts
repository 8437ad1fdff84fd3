import assert from "node:assert/strict";
import { after, test } from "node:test";
import { DeferError } from "@postbus/mail";
import { type DnsServer, type DnsServerOptions, type DnsZone, startDnsServer } from "@postbus/testkit";

import { FailureCache } from "../src/failure-cache.ts";
import { createResolver, parseServers, type Resolver, type ResolverOptions } from "../src/index.ts";

const stops: (() => Promise<void>)[] = [];
after(() => Promise.all(stops.map((stop) => stop())));

async function lab(
  zone: DnsZone,
  faults: DnsServerOptions = {},
  options: Partial<ResolverOptions> = {},
): Promise<{ server: DnsServer; resolver: Resolver }> {
  const server = await startDnsServer(zone, faults);
  stops.push(() => server.stop());
  return { server, resolver: createResolver({ servers: parseServers(server.address), ...options }) };
}

/** A port on which nobody listens: it was somebody's a moment ago. */
async function deafAddress(): Promise<string> {
  const server = await startDnsServer({});
  await server.stop();
  return server.address;
}

const zone: DnsZone = {
  "example.org": {
    A: ["192.0.2.1", "192.0.2.2"],
    AAAA: ["2001:db8::1"],
    MX: ["10 MX.Example.org", "20 mx2.example.org"],
    TXT: ["v=spf1 -all", ["one ", "two"], "x".repeat(600)],
    NS: ["ns.example.org"],
  },
  "1.2.0.192.in-addr.arpa": { PTR: ["mail.example.org", "bad\r\nname.example.org", "sm\u00f6r.example.org"] },
  "_25._tcp.mx.example.org": { TLSA: ["3 1 1 00ff"] },
  "alias.example.org": { CNAME: "alias2.example.org" },
  "alias2.example.org": { CNAME: "example.org" },
  "dangling.example.org": { CNAME: "nowhere.example.org" },
  "loop.example.org": { CNAME: "loop.example.org" },
  "null.example.org": { MX: ["0 ."] },
  "broken.example.org": "SERVFAIL",
  "refused.example.org": "REFUSED",
  "silent.example.org": "drop",
};

const found = [
  ["example.org", "A", ["192.0.2.1", "192.0.2.2"]],
  ["EXAMPLE.org.", "AAAA", ["2001:db8::1"]],
  ["example.org", "NS", ["ns.example.org"]],
  [
    "example.org",
    "MX",
    [
      { preference: 10, exchange: "mx.example.org" },
      { preference: 20, exchange: "mx2.example.org" },
    ],
  ],
  ["null.example.org", "MX", [{ preference: 0, exchange: "" }]],
  ["example.org", "TXT", [["v=spf1 -all"], ["one ", "two"], ["x".repeat(255), "x".repeat(255), "x".repeat(90)]]],
  ["_25._tcp.mx.example.org", "TLSA", [{ usage: 3, selector: 1, matchingType: 1, certificate: Buffer.from([0, 255]) }]],
  ["alias.example.org", "A", ["192.0.2.1", "192.0.2.2"]],
  ["alias.example.org", "CNAME", ["alias2.example.org"]],
  // A PTR record that is no host name is not let in.
  ["1.2.0.192.in-addr.arpa", "PTR", ["mail.example.org"]],
] as const;

test("records of every type come as plain values", async (t) => {
  const { resolver } = await lab(zone);
  for (const [name, type, records] of found) {
    await t.test(`${type} ${name}`, async () => {
      const answer = await resolver.resolve(name, type);
      assert.equal(answer.state, "found");
      assert.deepEqual(answer.state === "found" && answer.records, records);
    });
  }
});

const absent = [
  ["no data", "alias2.example.org", "TLSA"],
  ["no data", "_tcp.mx.example.org", "A"],
  ["no such name", "nobody.example.net", "A"],
  ["no such name", "dangling.example.org", "A"],
  ["no such name", `${"a".repeat(64)}.example.org`, "A"],
  ["no such name", `${"a.".repeat(127)}org`, "A"],
  ["no such name", "two..dots", "A"],
  ["no such name", "with blank.org", "A"],
  ["no such name", "", "A"],
] as const;

test("that there is none is an answer, not an error", async (t) => {
  const { resolver } = await lab(zone);
  for (const [state, name, type] of absent) {
    await t.test(`${type} ${name.slice(0, 30)}: ${state}`, async () => {
      assert.equal((await resolver.resolve(name, type)).state, state);
    });
  }
});

test("what cannot be a name is not asked for", async () => {
  const { resolver, server } = await lab(zone);
  await resolver.resolve("with blank.org", "A");
  assert.deepEqual(server.queries, []);
});

const deferred = [
  ["broken.example.org", /SERVFAIL/],
  ["refused.example.org", /REFUSED/],
  ["silent.example.org", /no answer in/],
  ["loop.example.org", /alias loop/],
] as const;

test("when nobody can tell, it is a DeferError that says why", async (t) => {
  const { resolver } = await lab(zone, {}, { attemptTimeoutMs: 40, deadlineMs: 200 });
  for (const [name, text] of deferred) {
    await t.test(name, () =>
      assert.rejects(resolver.resolve(name, "A"), (err: unknown) => {
        assert.ok(err instanceof DeferError);
        assert.match(err.message, text);
        return true;
      }),
    );
  }
});

test("an answer too long for UDP is fetched over TCP", async () => {
  const { resolver, server } = await lab({ "big.example.org": { TXT: ["y".repeat(20_000)] } });
  const answer = await resolver.resolve("big.example.org", "TXT");
  assert.equal(answer.state === "found" && answer.records[0]?.join("").length, 20_000);
  assert.deepEqual(server.queries, ["udp TXT big.example.org", "tcp TXT big.example.org"]);
});

test("more records than any honest set has are refused", async () => {
  const MX = Array.from({ length: 600 }, (_, i) => `10 mx${i}.example.org`);
  const { resolver } = await lab({ "many.example.org": { MX } });
  await assert.rejects(resolver.resolve("many.example.org", "MX"), /too many records/);
});

test("packets with a wrong id, a wrong question, or no sense at all are passed over, and the answer behind them taken", async () => {
  const tamper = (honest: Buffer): Buffer[] => {
    const wrongId = Buffer.from(honest);
    wrongId.writeUInt16BE((honest.readUInt16BE(0) + 1) & 0xffff, 0);
    const wrongQuestion = Buffer.from(honest);
    wrongQuestion.write("EXAMPLF", 13, "latin1");
    const query = Buffer.from(honest);
    query.writeUInt8(query.readUInt8(2) & 0x7f, 2);
    return [Buffer.alloc(0), Buffer.from("junk"), wrongId, wrongQuestion, query, honest];
  };
  const { resolver, server } = await lab(zone, { tamper });
  assert.equal((await resolver.resolve("example.org", "A")).state, "found");
  assert.deepEqual(server.queries, ["udp A example.org"]);
});

test("a flood of wrong packets is taken for guessing: the question is asked over TCP", async () => {
  const tamper = (honest: Buffer): Buffer[] =>
    Array.from({ length: 40 }, (_, i) => {
      const wrong = Buffer.from(honest);
      wrong.writeUInt16BE((honest.readUInt16BE(0) + 1 + i) & 0xffff, 0);
      return wrong;
    });
  const { resolver, server } = await lab(zone, { tamper });
  assert.equal((await resolver.resolve("example.org", "A")).state, "found");
  assert.deepEqual(server.queries, ["udp A example.org", "tcp A example.org"]);
});

test("an unreadable answer is a failure of the server, at once", async () => {
  const { resolver } = await lab(zone, { tamper: (honest) => [honest.subarray(0, honest.length - 5)] });
  await assert.rejects(resolver.resolve("example.org", "A"), /unreadable answer/);
});

test("a case changed on the way does not matter (RFC 1034 §3.1)", async () => {
  const upper = (honest: Buffer): Buffer[] => {
    const packet = Buffer.from(honest);
    packet.write("eXaMpLe", 13, "latin1");
    return [packet];
  };
  const { resolver } = await lab(zone, { tamper: upper });
  assert.equal((await resolver.resolve("example.org", "A")).state, "found");
});

test("a lost packet is asked for again", async () => {
  let lost = false;
  const tamper = (honest: Buffer): Buffer[] => {
    if (lost) return [honest];
    lost = true;
    return [];
  };
  const { resolver } = await lab(zone, { tamper }, { attemptTimeoutMs: 50 });
  assert.equal((await resolver.resolve("example.org", "A")).state, "found");
});

test("a server that is not there is passed over at once, and comes last from then on", async () => {
  const { server } = await lab(zone);
  const servers = parseServers(`${await deafAddress()},${server.address}`);
  // Waiting for the timeout would be longer than the test runner's patience.
  const resolver = createResolver({ servers, attemptTimeoutMs: 60_000, deadlineMs: 60_000 });
  assert.equal((await resolver.resolve("example.org", "A")).state, "found");
  assert.equal((await resolver.resolve("example.org", "MX")).state, "found");
});

test("without any server the refusal is told", async () => {
  const resolver = createResolver({ servers: parseServers(await deafAddress()) });
  await assert.rejects(resolver.resolve("example.org", "A"), /ECONNREFUSED/);
});

test("with a dead server questions fail at once, until it answers again", async () => {
  let nowMs = 0;
  let isDead = true;
  const tamper = (honest: Buffer): Buffer[] => (isDead ? [] : [honest]);
  const { resolver, server } = await lab(zone, { tamper }, { attemptTimeoutMs: 30, now: () => nowMs });
  await assert.rejects(resolver.resolve("example.org", "A"), /no answer in/);
  const probed = async (): Promise<unknown> => {
    const answers = server.queries.length;
    return resolver.resolve(`q${answers}.example.org`, "A").catch((err: unknown) => err);
  };
  // The probe runs beside the questions; wait for what it finds.
  while (!/no server answers/.test(String(await probed())));
  const asked = server.queries.length;
  assert.match(String(await probed()), /no server answers/);
  assert.equal(server.queries.length, asked, "nobody was asked");
  isDead = false;
  nowMs += 5_000;
  while (/no server answers/.test(String(await probed()))) await new Promise(setImmediate);
  assert.equal((await resolver.resolve("example.org", "A")).state, "found");
});

test("a domain whose own servers are silent does not put the resolver out of use", async () => {
  const { resolver, server } = await lab(zone, {}, { attemptTimeoutMs: 20, deadlineMs: 100 });
  for (let i = 0; i < 3; i++) await assert.rejects(resolver.resolve("silent.example.org", "A"), /no answer in/);
  assert.equal((await resolver.resolve("example.org", "A")).state, "found");
  assert.ok(server.queries.includes("udp NS ."), "it was asked whether it lives");
});

test("a server that fails is made up for by the next one", async () => {
  const bad = await lab({ "example.org": "SERVFAIL" });
  const { server } = await lab(zone);
  const resolver = createResolver({ servers: parseServers(`${bad.server.address},${server.address}`) });
  assert.equal((await resolver.resolve("example.org", "A")).state, "found");
});

test("answers are kept for their TTL, also those that say there is none", async () => {
  let nowMs = 0;
  const { resolver, server } = await lab(zone, {}, { now: () => nowMs });
  for (let i = 0; i < 3; i++) {
    await resolver.resolve("example.org", "A");
    await resolver.resolve("nobody.example.org", "A");
  }
  assert.deepEqual(server.queries, ["udp A example.org", "udp A nobody.example.org"]);
  nowMs = 100_000;
  assert.equal((await resolver.resolve("example.org", "A")).ttlSeconds, 200);
  await resolver.resolve("nobody.example.org", "A");
  assert.equal(server.queries.length, 3, "the negative answer was asked again after its 60 s");
  nowMs = 301_000;
  await resolver.resolve("example.org", "A");
  assert.equal(server.queries.length, 4);
});

test("what has no TTL is not kept, but asked once while it is on its way", async () => {
  const { resolver, server } = await lab(zone, { ttlSeconds: 0 });
  await Promise.all([1, 2, 3].map(() => resolver.resolve("example.org", "A")));
  assert.equal(server.queries.length, 1);
  await resolver.resolve("example.org", "A");
  assert.equal(server.queries.length, 2);
});

test("the cache is bounded: what was not used goes", async () => {
  const many: Record<string, { A: string[] }> = {};
  for (let i = 0; i < 20; i++) many[`h${i}.example.org`] = { A: ["192.0.2.1"] };
  const { resolver, server } = await lab(many, {}, { cacheOctets: 5_000 });
  for (let i = 0; i < 20; i++) await resolver.resolve(`h${i}.example.org`, "A");
  await resolver.resolve("h19.example.org", "A");
  assert.equal(server.queries.length, 20);
  await resolver.resolve("h0.example.org", "A");
  assert.equal(server.queries.length, 21);
});

test("the AD bit is passed on from a server that is believed, and from no other", async () => {
  const { server } = await lab(zone, { authentic: true });
  const trusted = createResolver({ servers: parseServers(server.address) });
  assert.equal((await trusted.resolve("example.org", "A")).authenticated, true);
  const stranger = createResolver({ servers: parseServers(server.address).map((s) => ({ ...s, isTrusted: false })) });
  assert.equal((await stranger.resolve("example.org", "A")).authenticated, false);
});

test("a caller's signal ends his wait, not that of others", async () => {
  const { resolver } = await lab(zone, {}, { attemptTimeoutMs: 500, deadlineMs: 500 });
  const controller = new AbortController();
  const first = resolver.resolve("example.org", "A", { signal: controller.signal });
  const second = resolver.resolve("example.org", "A", { signal: new AbortController().signal });
  controller.abort();
  await assert.rejects(first, /given up by the caller/);
  assert.equal((await second).state, "found");
});

test("what nobody waits for any more is not asked again", async () => {
  const { resolver, server } = await lab(zone, {}, { attemptTimeoutMs: 1_500, parallel: 1 });
  const leaver = new AbortController();
  const left = ["silent.example.org", "q.silent.example.org"].map((name) =>
    assert.rejects(resolver.resolve(name, "A", { signal: leaver.signal }), DeferError),
  );
  while (server.queries.length === 0) await new Promise(setImmediate);
  leaver.abort();
  await Promise.all(left);
  // There is one place for questions: when this one has it, the others have given it up.
  assert.equal((await resolver.resolve("example.org", "A")).state, "found");
  assert.equal(server.queries.filter((query) => query.includes("silent")).length, 1);
});

test("what nobody waits for any more leaves its place to others, at once", { timeout: 30_000 }, async () => {
  const times = { attemptTimeoutMs: 60_000, deadlineMs: 60_000 };
  const { resolver, server } = await lab(zone, {}, { ...times, parallel: 1 });
  const leaver = new AbortController();
  const left = resolver.resolve("silent.example.org", "A", { signal: leaver.signal });
  const other = resolver.resolve("example.org", "A", { signal: new AbortController().signal });
  while (server.queries.length === 0) await new Promise(setImmediate);
  leaver.abort();
  await assert.rejects(left, DeferError);
  assert.equal((await other).state, "found");
  // Before its socket has sent anything.
  const early = new AbortController();
  const gone = resolver.resolve("q.silent.example.org", "A", { signal: early.signal });
  early.abort();
  await assert.rejects(gone, DeferError);
  assert.equal((await resolver.resolve("example.org", "MX")).state, "found");
});

test("who has left before he asks asks nobody", async () => {
  const { resolver, server } = await lab(zone);
  await assert.rejects(resolver.resolve("example.org", "A", { signal: AbortSignal.abort() }), /given up by the caller/);
  assert.equal((await resolver.resolve("example.org", "MX")).state, "found");
  assert.deepEqual(server.queries, ["udp MX example.org"]);
});

test("who asks what others have given up gets an answer", async () => {
  let isLost = true;
  const tamper = (honest: Buffer): Buffer[] => (isLost ? [] : [honest]);
  const { resolver, server } = await lab(zone, { tamper }, { attemptTimeoutMs: 10_000 });
  const leaver = new AbortController();
  const left = resolver.resolve("example.org", "A", { signal: leaver.signal });
  while (server.queries.length === 0) await new Promise(setImmediate);
  leaver.abort();
  await assert.rejects(left, DeferError);
  isLost = false;
  assert.equal((await resolver.resolve("example.org", "A")).state, "found");
});

test("a name is not to blame for what its question has waited in line", async () => {
  let nowMs = 0;
  let isLost = true;
  const tamper = (honest: Buffer): Buffer[] => (isLost ? [] : [honest]);
  const times = { attemptTimeoutMs: 1_000, deadlineMs: 10_000, now: () => nowMs };
  const { resolver, server } = await lab(zone, { tamper }, { ...times, parallel: 1 });
  const leaver = new AbortController();
  const first = assert.rejects(resolver.resolve("silent.example.org", "A", { signal: leaver.signal }), DeferError);
  const second = assert.rejects(resolver.resolve("example.org", "A"), /no answer in/);
  while (server.queries.length === 0) await new Promise(setImmediate);
  nowMs = 9_980;
  leaver.abort();
  await Promise.all([first, second]);
  isLost = false;
  assert.equal((await resolver.resolve("example.org", "A")).state, "found");
});

test("what was given up after all servers have been silent once is not asked again at once", async () => {
  const { resolver, server } = await lab(zone, {}, { attemptTimeoutMs: 100, deadlineMs: 60_000, now: () => 0 });
  const leaver = new AbortController();
  const left = resolver.resolve("silent.example.org", "A", { signal: leaver.signal });
  while (server.queries.filter((query) => query.includes("silent")).length < 2) await new Promise(setImmediate);
  leaver.abort();
  await assert.rejects(left, DeferError);
  await assert.rejects(resolver.resolve("silent.example.org", "A"), /a moment ago/);
});

test("what has failed is not asked again at once, and later less and less often (RFC 9520)", async () => {
  let nowMs = 0;
  const { resolver, server } = await lab(zone, {}, { now: () => nowMs });
  const fails = async (): Promise<number> => {
    const before = server.queries.length;
    await assert.rejects(resolver.resolve("broken.example.org", "A"), DeferError);
    return server.queries.length - before;
  };
  const asked = [];
  // Milliseconds after the failure before.
  for (const ms of [0, 999, 1, 1_999, 1, 3_999, 1]) {
    nowMs += ms;
    asked.push((await fails()) > 0);
  }
  assert.deepEqual(asked, [true, false, true, false, true, false, true]);
  for (let i = 0; i < 10; i++) {
    nowMs += 300_000;
    assert.ok((await fails()) > 0, "after five minutes it is asked in any case");
  }
  nowMs += 700_000;
  assert.ok((await fails()) > 0);
  nowMs += 1_000;
  assert.ok((await fails()) > 0, "long ago is forgotten");
});

test("failures of ten thousand names are kept, no more", () => {
  const failures = new FailureCache(() => 0);
  for (let i = 0; i < 30_000; i++) failures.add(`A h${i}.example.org`, "SERVFAIL");
  assert.equal(failures.size, 10_000);
  assert.equal(failures.get("A h0.example.org"), undefined);
  assert.equal(failures.get("A h29999.example.org"), "SERVFAIL");
});

test("a name that answers again is asked as any other", () => {
  const failures = new FailureCache(() => 0);
  for (let i = 0; i < 5; i++) failures.add("A example.org", "SERVFAIL");
  failures.forget("A example.org");
  assert.equal(failures.get("A example.org"), undefined);
});

test("more questions than sockets wait for their turn", async () => {
  const many: Record<string, { A: string[] }> = {};
  for (let i = 0; i < 50; i++) many[`h${i}.example.org`] = { A: [`192.0.2.${i}`] };
  const { resolver } = await lab(many, {}, { parallel: 3 });
  const answers = await Promise.all(Object.keys(many).map((name) => resolver.resolve(name, "A")));
  assert.ok(answers.every((answer) => answer.state === "found"));
});
