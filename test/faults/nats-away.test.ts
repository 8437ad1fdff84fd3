import assert from "node:assert/strict";
import { test } from "node:test";
import { startRecordingSink } from "@postbus/testkit";
import { sendOne } from "../support/fill-up.ts";
import { startFleet } from "../support/fleet-processes.ts";
import { needs } from "../support/programs.ts";

/** Without a server a publish is tried for 8 seconds; the rest is for a busy machine. */
const ANSWER_MS = 30_000;
const PATIENCE_MS = 60_000;

test("while the NATS server is away clients get 4xx; when it is back mail flows again, and what was refused is not sent", {
  timeout: 300_000,
}, async (t) => {
  if (needs(t, "nats-server") === undefined) return;
  const sink = await startRecordingSink();
  t.after(() => sink.stop());
  const fleet = await startFleet({ sinkPort: sink.port });
  t.after(() => fleet.end());
  assert.equal(await sendOne(fleet.smtpPort, "before"), undefined);

  await fleet.nats[0]?.kill();
  const startMs = performance.now();
  const refusals = await Promise.all(["away-1", "away-2", "away-3"].map((id) => sendOne(fleet.smtpPort, id)));
  const tookMs = performance.now() - startMs;
  t.diagnostic(`${Math.round(tookMs)} ms: ${refusals[0]}`);
  for (const refusal of refusals) assert.match(refusal ?? "250", /^4\d\d /);
  assert.ok(tookMs < ANSWER_MS, `${tookMs} ms`);

  await fleet.nats[0]?.start();
  assert.equal(await sendOne(fleet.smtpPort, "after"), undefined);
  await sink.waitFor(["before user@sink.test", "after user@sink.test"], PATIENCE_MS);
  assert.deepEqual(Object.fromEntries(sink.received), { "before user@sink.test": 1, "after user@sink.test": 1 });
});
