import assert from "node:assert/strict";
import { test } from "node:test";
import { killEmbedded } from "../support/kill-embedded.ts";

// The long form: POSTBUS_KILLS=200 POSTBUS_MESSAGES=20000 are the defaults of `npm run faults`.
test("kill -9 of the whole program under load loses no acknowledged message", { timeout: 1_500_000 }, async (t) => {
  const kills = Number(process.env["POSTBUS_KILLS"] ?? 110);
  const messages = Number(process.env["POSTBUS_MESSAGES"] ?? 12_000);
  const { verdict, killed } = await killEmbedded({
    kills,
    messages,
    connections: 10,
    log: (line) => t.diagnostic(line),
  });
  assert.ok(killed >= kills, `${killed} of ${kills} kills`);
  assert.deepEqual(verdict.lost, []);
  assert.equal(verdict.acknowledged, messages);
  assert.ok(verdict.duplicates <= killed, `${verdict.duplicates} duplicates by ${killed} kills`);
});
