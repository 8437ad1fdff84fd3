import assert from "node:assert/strict";
import { test } from "node:test";
import { needs } from "../support/programs.ts";
import { type RestartVerdict, restartEmbedded, restartFleet } from "../support/restart-under-load.ts";

function nothingHappened({ lost, duplicates, brokenOff, badEnds, record }: RestartVerdict): void {
  assert.deepEqual(badEnds, []);
  assert.deepEqual(lost, []);
  assert.equal(duplicates, 0, "doubled");
  assert.equal(brokenOff, 0, "clients that got no reply to their final dot");
  assert.deepEqual(record.problems, []);
}

test("SIGTERM under load, three times: nothing is lost, nothing doubled, and the program ends with 0", async (t) => {
  const log = (line: string) => t.diagnostic(line);
  nothingHappened(await restartEmbedded(t, 3, { messages: 450, connections: 10, rate: 150, log }));
});

test("a rolling restart of a fleet under load: nothing is lost, nothing doubled, every service ends with 0", async (t) => {
  if (needs(t, "nats-server") === undefined) return;
  const log = (line: string) => t.diagnostic(line);
  nothingHappened(await restartFleet(t, { messages: 300, connections: 5, rate: 50, log }));
});
