import assert from "node:assert/strict";
import { test } from "node:test";
import { killEmbedded } from "../support/kill-embedded.ts";
import { killFleet } from "../support/kill-fleet.ts";
import { needs } from "../support/programs.ts";

// The long forms are in test/faults: more than 200 kills and 20,000 messages, at a higher rate. With few kills chance
// decides how many messages were accepted and not yet read about; the lower the rate, the less.

test("kill -9 of the whole program, six times under load, loses no acknowledged message", async (t) => {
  const { lost, acknowledged, record, duplicates, kills } = await killEmbedded({
    kills: 6,
    messages: 300,
    connections: 10,
    rate: 60,
    log: (line) => t.diagnostic(line),
  });
  assert.deepEqual(lost, []);
  assert.ok(acknowledged >= 300);
  assert.deepEqual(record.problems, []);
  assert.ok(duplicates <= kills, `${duplicates} duplicates by ${kills} kills`);
});

test("kill -9 of each service and of the NATS server, once under load, loses no acknowledged message", async (t) => {
  if (needs(t, "nats-server") === undefined) return;
  const { lost, acknowledged, record, duplicates, kills } = await killFleet({
    kills: 6,
    messages: 150,
    connections: 5,
    rate: 25,
    ackWaitMs: 5_000,
    log: (line) => t.diagnostic(line),
  });
  assert.deepEqual(lost, []);
  assert.ok(acknowledged >= 150);
  assert.deepEqual(record.problems, []);
  const deliveryKills = kills.get("delivery") ?? 0;
  // Each connection had one message on its way that was stored and not yet said to be.
  assert.ok(record.unannounced.length <= (kills.get("gateway") ?? 0) * 5, "of which the log has no arrival");
  assert.ok(duplicates <= deliveryKills, `${duplicates} duplicates by ${deliveryKills} kills of delivery`);
});
