import assert from "node:assert/strict";
import { test } from "node:test";
import { killLeaders } from "../support/kill-cluster.ts";
import { needs } from "../support/programs.ts";

test("kill -9 of the leading NATS server of three, under load: mail flows again by itself, none is lost or doubled", {
  timeout: 600_000,
}, async (t) => {
  if (needs(t, "nats-server") === undefined) return;
  const { lost, duplicates, acknowledged, record } = await killLeaders({
    kills: 8,
    messages: 2_000,
    connections: 10,
    rate: 60,
    log: (line) => t.diagnostic(line),
  });
  assert.deepEqual(lost, []);
  assert.ok(acknowledged >= 2_000);
  assert.deepEqual(record.problems, []);
  assert.deepEqual(record.unannounced, []);
  assert.equal(duplicates, 0, "doubled");
});
