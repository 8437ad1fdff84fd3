import assert from "node:assert/strict";
import { test } from "node:test";
import { isUnchecked, MessageAnswer, SpfAnswer, type SpoolReference } from "@postbus/contracts";
import { createResolver, parseServers } from "@postbus/dns";
import { type MessageFacts, type SpfFindings, SuffixFiles } from "@postbus/mail-auth";
import { Registry } from "prom-client";
import { Value } from "typebox/value";
import type { Checks } from "../src/checks.ts";
import { FairPlaces } from "../src/fair-places.ts";
import { messageHandler, spfHandler } from "../src/handlers.ts";
import { checkMetrics } from "../src/metrics.ts";
import { ownThread } from "../src/own-thread.ts";
import { dnsLab, message, signal, signed } from "./lab.ts";

const reference: SpoolReference = { id: "m", size: message.length, sha256: "0".repeat(64) };
const spool = {
  async *read(asked: SpoolReference): AsyncGenerator<Buffer> {
    assert.deepEqual(asked, reference);
    yield message.subarray(0, 10);
    yield message.subarray(10);
  },
};
const spfQuestion = { v: 1, clientAddress: "192.0.2.1", helo: "h.example", returnPath: "joe@example.org" };
const messageQuestion = { v: 1, messageId: "m", spf: { result: "pass", domain: "example.org" } };

const places = () => new FairPlaces(8, 80);

async function lab() {
  const registry = new Registry();
  const checks = ownThread(createResolver({ servers: parseServers(await dnsLab()) }), new SuffixFiles());
  const metrics = checkMetrics(registry);
  return {
    registry,
    spf: spfHandler(checks, places(), metrics),
    message: messageHandler(checks, places(), spool, metrics),
  };
}

test("verify.spf is answered with a fact that fits the contract", async () => {
  const answer = await (await lab()).spf({ body: spfQuestion, content: undefined, signal });
  assert.ok(Value.Check(SpfAnswer, answer));
  assert.equal(answer.spf.result, "pass");
});

test("verify.message is answered the same for inline and for spooled content", async () => {
  const { message: ask } = await lab();
  const inline = await ask({ body: messageQuestion, content: { kind: "inline", octets: message }, signal });
  const spooled = await ask({ body: messageQuestion, content: { kind: "spooled", ...reference }, signal });
  assert.ok(Value.Check(MessageAnswer, inline));
  assert.deepEqual(spooled, inline);
  assert.equal(inline.dmarc.result, "pass");
});

test("signatures are told where they are wanted, and only there", async () => {
  const { message: ask } = await lab();
  const content = { kind: "inline", octets: signed } as const;
  const wanted = await ask({ body: { ...messageQuestion, wantsSignatures: true }, content, signal });
  assert.ok(Value.Check(MessageAnswer, wanted));
  assert.deepEqual(
    wanted.signatures?.map(({ domain, status, reason }) => [domain, status, reason]),
    [["example.org", "fail", "bodyhash_mismatch"]],
  );
  assert.equal("signatures" in (await ask({ body: messageQuestion, content, signal })), false);
});

test("what does not fit the contract is refused", async () => {
  const { spf, message: ask } = await lab();
  const content = { kind: "inline", octets: message } as const;
  for (const body of [undefined, null, {}, { ...spfQuestion, v: 2 }, { ...spfQuestion, more: 1 }]) {
    await assert.rejects(spf({ body, content: undefined, signal }), /does not fit its contract/);
  }
  for (const body of [undefined, {}, { ...messageQuestion, spf: { result: "maybe", domain: "" } }]) {
    await assert.rejects(ask({ body, content, signal }), /does not fit its contract/);
  }
  await assert.rejects(ask({ body: messageQuestion, content: undefined, signal }), /no content/);
});

test("a message for which there is no place is told so in words that every asker knows", async () => {
  const checks = {
    ...ownThread(createResolver({ servers: [] }), new SuffixFiles()),
    message: () => new Promise<never>(() => undefined),
  };
  const ask = messageHandler(checks, new FairPlaces(1, 4, 5), spool, checkMetrics(new Registry()));
  const question = { body: { ...messageQuestion, clientAddress: "192.0.2.1" }, signal };
  const content = { kind: "inline", octets: message } as const;
  void ask({ ...question, content });
  const answer = await ask({ ...question, content });
  assert.ok(Value.Check(MessageAnswer, answer));
  assert.ok(isUnchecked(answer));
});

test("mail of a domain does not wait for that of somebody who only says that he is of it", async () => {
  const checks = ownThread(createResolver({ servers: parseServers(await dnsLab()) }), new SuffixFiles());
  let asked = 0;
  const slowFirst = {
    ...checks,
    message: (...question: Parameters<Checks["message"]>) =>
      ++asked === 1 ? new Promise<never>(() => undefined) : checks.message(...question),
  };
  const content = { kind: "inline", octets: message } as const;
  for (const [stranger, isBusy] of [
    ["softfail", false],
    ["pass", true],
  ] as const) {
    asked = 0;
    // One place for each client, and each domain.
    const ask = messageHandler(slowFirst, new FairPlaces(2, 8, 5), spool, checkMetrics(new Registry()));
    const from = (clientAddress: string, result: string) =>
      ask({ body: { ...messageQuestion, clientAddress, spf: { result, domain: "example.org" } }, content, signal });
    void from("192.0.2.1", stranger);
    const answer = await from("192.0.2.2", "pass");
    assert.ok(Value.Check(MessageAnswer, answer));
    assert.equal(isUnchecked(answer), isBusy, stranger);
  }
});

test("checks are counted by result", async () => {
  const { registry, spf, message: ask } = await lab();
  await spf({ body: spfQuestion, content: undefined, signal });
  await ask({ body: messageQuestion, content: { kind: "inline", octets: message }, signal });
  await ask({ body: messageQuestion, content: { kind: "inline", octets: signed }, signal });
  const text = await registry.metrics();
  for (const line of [
    'postbus_verifier_checks_total{check="spf",result="pass"} 1',
    'postbus_verifier_checks_total{check="dkim",result="none"} 1',
    'postbus_verifier_checks_total{check="dkim",result="fail"} 1',
    'postbus_verifier_checks_total{check="dmarc",result="pass"} 2',
    'postbus_verifier_check_seconds_count{check="message"} 2',
  ]) {
    assert.ok(text.includes(line), line);
  }
});

test("an error of the spool is the question's error", async () => {
  const failing: Checks = {
    spf: (): Promise<SpfFindings> => Promise.reject(new Error("unused")),
    message: (): Promise<MessageFacts> => Promise.reject(new Error("spool: m is not there")),
    stop: async () => undefined,
  };
  const ask = messageHandler(failing, places(), spool, checkMetrics(new Registry()));
  const question = { body: messageQuestion, content: { kind: "spooled", ...reference } as const, signal };
  await assert.rejects(ask(question), /is not there/);
});
