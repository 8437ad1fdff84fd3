import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openEmbeddedBus } from "@postbus/bus";
import { deliverySubject, type MailEvent } from "@postbus/contracts";
import { readSettings } from "@postbus/service-kit";
import { startSmtpPeer } from "@postbus/testkit";
import { pino } from "pino";
import { Registry } from "prom-client";
import { delivery } from "../src/index.ts";
import { deliveryItem, inline } from "./smtp/rig.ts";

test("items of the bus are delivered, with events and metrics, and stopping takes leave of the next hop", async (t) => {
  const data = mkdtempSync(join(tmpdir(), "postbus-delivery-"));
  t.after(() => rmSync(data, { recursive: true }));
  await using peer = await startSmtpPeer();
  const bus = await openEmbeddedBus({ directory: join(data, "bus") });
  const metrics = new Registry();
  const env = { POSTBUS_DATA: data, POSTBUS_DELIVERY_IDLE_MS: "60000" };
  const parts = await delivery.start({
    settings: readSettings(delivery.settings, env),
    bus,
    log: pino({ level: "silent" }),
    metrics,
    instance: "test",
  });

  const messages = 20;
  const events: MailEvent[] = [];
  const { promise: allDone, resolve } = Promise.withResolvers<void>();
  const following = await bus.events.follow({}, async (batch) => {
    events.push(...batch.events);
    if (events.filter(({ name }) => name === "msg:complete").length === messages) resolve();
  });
  for (let i = 0; i < messages; i++) {
    const messageId = `1vMhGf-0000000012a-${String(i).padStart(4, "0")}`;
    const header = deliveryItem(["r@b.test"], { messageId, hosts: [`127.0.0.1::${peer.port}`] });
    const subject = deliverySubject("smtp", "b.test");
    await bus.publish({
      subject,
      id: `${messageId}_0_1`,
      messageId,
      header,
      content: inline(`X-Id: ${i}\r\n\r\nhi\r\n`),
    });
  }
  await allDone;

  assert.deepEqual(new Set(peer.messages.map(({ content }) => content)).size, messages);
  const counted = await metrics.getSingleMetricAsString("postbus_delivery_attempts_total");
  assert.match(counted, /postbus_delivery_attempts_total\{outcome="delivered"\} 20/);
  assert.match(
    await metrics.getSingleMetricAsString("postbus_delivery_connections"),
    /postbus_delivery_connections \d+/,
  );

  await following.drain();
  for (const part of parts.toReversed()) await part.stop();
  await peer.idle();
  assert.equal(peer.commands.at(-1), "QUIT");
  await bus.close();
});
