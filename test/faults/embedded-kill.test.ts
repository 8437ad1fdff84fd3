import assert from "node:assert/strict";
import { test } from "node:test";
import { killEmbedded } from "../support/kill-embedded.ts";

test("kill -9 of the whole program under load loses no acknowledged message", { timeout: 900_000 }, async (t) => {
  const messages = Number(process.env["POSTBUS_TEST_MESSAGES"] ?? 12_000);
  const { lost, acknowledged, record, duplicates, kills } = await killEmbedded({
    kills: Number(process.env["POSTBUS_TEST_KILLS"] ?? 110),
    messages,
    connections: 10,
    rate: 200,
    log: (line) => t.diagnostic(line),
  });
  assert.deepEqual(lost, []);
  assert.ok(acknowledged >= messages);
  assert.deepEqual(record.problems, []);
  assert.ok(duplicates <= kills, `${duplicates} duplicates by ${kills} kills`);
});
