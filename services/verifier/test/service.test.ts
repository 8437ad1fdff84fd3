import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type Bus, openEmbeddedBus } from "@postbus/bus";
import { type Content, MessageAnswer, SpfAnswer, verifyMessageSubject, verifySpfSubject } from "@postbus/contracts";
import { DeferError } from "@postbus/mail";
import type { Part } from "@postbus/service-kit";
import { pino } from "pino";
import { Registry } from "prom-client";
import { Value } from "typebox/value";
import { verifier } from "../src/index.ts";
import { dnsLab, message, signed } from "./lab.ts";

const timeoutMs = 30_000;
const spfQuestion = { v: 1, clientAddress: "192.0.2.1", helo: "h.example", returnPath: "joe@example.org" };
const messageQuestion = { v: 1, messageId: "m", spf: { result: "pass", domain: "example.org" } };

async function lab(verifierWorkers?: number): Promise<{ bus: Bus; stop: () => Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), "postbus-verifier-"));
  const bus = await openEmbeddedBus({ directory });
  const settings = Value.Default(verifier.settings, { dnsServers: await dnsLab(), verifierWorkers });
  const context = { bus, log: pino({ level: "silent" }), metrics: new Registry(), instance: "test" };
  const parts: readonly Part[] = await verifier.start({
    ...context,
    settings: Value.Parse(verifier.settings, settings),
  });
  const stop = async (): Promise<void> => {
    for (const part of parts.toReversed()) await part.stop();
  };
  after(async () => {
    await stop();
    await bus.close();
    await rm(directory, { recursive: true, force: true });
  });
  return { bus, stop };
}

async function spooled(bus: Bus, octets: Buffer): Promise<Content> {
  const writer = await bus.spool.create("1vMhGf-00000000000-0Ab3");
  await writer.write(octets);
  return { kind: "spooled", ...(await writer.finish()) };
}

for (const workers of [0, 1]) {
  test(`questions on the bus are answered, with ${workers} threads`, async () => {
    const { bus } = await lab(workers);
    const spf = await bus.request(verifySpfSubject, spfQuestion, { timeoutMs });
    assert.ok(Value.Check(SpfAnswer, spf));
    assert.equal(spf.spf.result, "pass");
    const large = Buffer.concat([signed, Buffer.alloc(300_000, "x\r\n")]);
    for (const octets of [message, signed, large]) {
      const inline = await bus.request(verifyMessageSubject, messageQuestion, {
        timeoutMs,
        content: { kind: "inline", octets },
      });
      assert.ok(Value.Check(MessageAnswer, inline));
      assert.equal(inline.dmarc.result, "pass");
      const content = await spooled(bus, octets);
      assert.deepEqual(await bus.request(verifyMessageSubject, messageQuestion, { timeoutMs, content }), inline);
      await bus.spool.remove("1vMhGf-00000000000-0Ab3");
    }
  });
}

test("content that is gone makes the question fail, not the service", async () => {
  const { bus } = await lab();
  const content = await spooled(bus, signed);
  await bus.spool.remove("1vMhGf-00000000000-0Ab3");
  await assert.rejects(bus.request(verifyMessageSubject, messageQuestion, { timeoutMs, content }), DeferError);
  await assert.rejects(bus.request(verifyMessageSubject, { v: 9 }, { timeoutMs }), /does not fit its contract/);
  assert.ok(await bus.request(verifySpfSubject, spfQuestion, { timeoutMs }));
});

test("a stopped service answers no more", async () => {
  const { bus, stop } = await lab();
  assert.ok(await bus.request(verifySpfSubject, spfQuestion, { timeoutMs }));
  await stop();
  await assert.rejects(bus.request(verifySpfSubject, spfQuestion, { timeoutMs: 200 }), DeferError);
});
