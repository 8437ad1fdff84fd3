import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Bus, openEmbeddedBus } from "@postbus/bus";
import { deliverySubject, type MailEvent } from "@postbus/contracts";
import { type Part, readSettings } from "@postbus/service-kit";
import { type SmtpPeer, startSmtpPeer } from "@postbus/testkit";
import { pino } from "pino";
import { Registry } from "prom-client";
import { delivery } from "../src/index.ts";
import { deliveryItem, inline } from "./smtp/rig.ts";

interface Started {
  readonly bus: Bus;
  readonly parts: readonly Part[];
  readonly metrics: Registry;
}

async function startDelivery(t: TestContext, env: Readonly<Record<string, string>>): Promise<Started> {
  const data = mkdtempSync(join(tmpdir(), "postbus-delivery-"));
  t.after(() => rmSync(data, { recursive: true }));
  const bus = await openEmbeddedBus({ directory: join(data, "bus") });
  t.after(() => bus.close());
  const metrics = new Registry();
  const parts = await delivery.start({
    settings: readSettings(delivery.settings, { POSTBUS_DATA: data, ...env }),
    bus,
    log: pino({ level: "silent" }),
    metrics,
    instance: "test",
  });
  return { bus, parts, metrics };
}

async function publish(bus: Bus, n: number, peer: SmtpPeer): Promise<string> {
  const messageId = `1vMhGf-0000000012a-${String(n).padStart(4, "0")}`;
  const header = deliveryItem(["r@b.test"], { messageId, hosts: [`127.0.0.1::${peer.port}`] });
  await bus.publish({
    subject: deliverySubject("smtp", "b.test"),
    id: `${messageId}_0_1`,
    messageId,
    header,
    content: inline(`X-Id: ${n}\r\n\r\nhi\r\n`),
  });
  return messageId;
}

async function stop({ parts }: Started): Promise<void> {
  for (const part of parts.toReversed()) await part.stop();
}

test("items of the bus are delivered, with events and metrics, and stopping takes leave of the next hop", async (t) => {
  await using peer = await startSmtpPeer();
  const started = await startDelivery(t, { POSTBUS_DELIVERY_IDLE_MS: "60000" });
  const { bus, metrics } = started;
  const messages = 20;
  const events: MailEvent[] = [];
  const { promise: allDone, resolve } = Promise.withResolvers<void>();
  const following = await bus.events.follow({}, async (batch) => {
    events.push(...batch.events);
    if (events.filter(({ name }) => name === "msg:complete").length === messages) resolve();
  });
  for (let i = 0; i < messages; i++) await publish(bus, i, peer);
  await allDone;

  assert.deepEqual(new Set(peer.messages.map(({ content }) => content)).size, messages);
  const counted = await metrics.getSingleMetricAsString("postbus_delivery_attempts_total");
  assert.match(counted, /postbus_delivery_attempts_total\{outcome="delivered"\} 20/);
  assert.match(
    await metrics.getSingleMetricAsString("postbus_delivery_connections"),
    /postbus_delivery_connections \d+/,
  );

  await following.drain();
  await stop(started);
  await peer.idle();
  assert.equal(peer.commands.at(-1), "QUIT");
});

test("next hops that have stalled are not waited for when the process ends: their mail is deferred", async (t) => {
  await using stalled = await startSmtpPeer({
    answer: ({ moment }) => (moment === "MAIL" ? { do: "stall" } : undefined),
  });
  const started = await startDelivery(t, { POSTBUS_SHUTDOWN_GRACE_MS: "1000", POSTBUS_DELIVERY_CONCURRENCY: "50" });
  const { bus } = started;
  // More than there are connections: some wait for one.
  for (let n = 0; n < 40; n++) await publish(bus, n, stalled);
  while (stalled.connectionCount < 20) await new Promise(setImmediate);
  const began = performance.now();
  await stop(started);
  // Half of the grace period, and two sweeps; without it, five minutes.
  assert.ok(performance.now() - began < 120_000);
  const { deferred } = await bus.waiting.counts();
  assert.ok(deferred >= 20, `${deferred} deferred`);
  assert.deepEqual(stalled.messages, []);
});

test("a next hop that takes connections and then stalls keeps nothing from the others", async (t) => {
  await using stalled = await startSmtpPeer({
    answer: ({ moment }) => (moment === "MAIL" ? { do: "stall" } : undefined),
  });
  await using well = await startSmtpPeer();
  const started = await startDelivery(t, { POSTBUS_SHUTDOWN_GRACE_MS: "1000", POSTBUS_DELIVERY_CONCURRENCY: "30" });
  for (let n = 0; n < 100; n++) await publish(started.bus, n, stalled);
  for (let n = 100; n < 110; n++) await publish(started.bus, n, well);
  // Those that wait for the first are let go when it has stood still for ten seconds.
  for (const end = performance.now() + 60_000; well.messages.length < 10 && performance.now() < end; ) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.equal(well.messages.length, 10);
  await stop(started);
});
