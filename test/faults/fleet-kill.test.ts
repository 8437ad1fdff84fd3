import assert from "node:assert/strict";
import { test } from "node:test";
import { killFleet, victims } from "../support/kill-fleet.ts";
import { needs } from "../support/programs.ts";

test("kill -9 of every service and of the NATS server in turn, under load, loses no acknowledged message", {
  timeout: 900_000,
}, async (t) => {
  if (needs(t, "nats-server") === undefined) return;
  const kills = Number(process.env["POSTBUS_TEST_KILLS"] ?? 108);
  const messages = Number(process.env["POSTBUS_TEST_MESSAGES"] ?? 10_000);
  // To look into a failure: POSTBUS_TEST_VICTIMS=delivery,nats
  const wanted = process.env["POSTBUS_TEST_VICTIMS"]?.split(",");
  const { lost, duplicates, record, ...verdict } = await killFleet({
    victims: victims.filter((victim) => wanted?.includes(victim) ?? true),
    kills,
    messages,
    connections: 10,
    rate: 100,
    log: (line) => t.diagnostic(line),
  });
  assert.deepEqual(lost, []);
  assert.ok(verdict.acknowledged >= messages);
  assert.deepEqual(record.problems, []);
  const deliveryKills = verdict.kills.get("delivery") ?? 0;
  // Each connection had one message on its way that was stored and not yet said to be.
  assert.ok(record.unannounced.length <= (verdict.kills.get("gateway") ?? 0) * 10, "of which the log has no arrival");
  assert.ok(duplicates <= deliveryKills, `${duplicates} duplicates by ${deliveryKills} kills of delivery`);
});
