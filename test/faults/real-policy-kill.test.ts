import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { killUnderRealPolicy } from "../support/kill-real-policy.ts";
import { needs } from "../support/programs.ts";

/**
 * Crash tests with a policy of the size of real ones: messages for seven recipients, which are delivered to a host or a mailbox, put
 * off, refused by a router or by the host, and reported.
 */
describe("kill -9 under a real policy: each recipient of an accepted message ends once, delivered or reported", () => {
  for (const system of ["embedded", "fleet"] as const) {
    test(system, { timeout: 900_000 }, async (t) => {
      if (system === "fleet" && needs(t, "nats-server") === undefined) return;
      const kills = Number(process.env["POSTBUS_TEST_KILLS"] ?? 40);
      const messages = Number(process.env["POSTBUS_TEST_MESSAGES"] ?? 1_500);
      const { lost, wrong, problems, acknowledged, duplicates } = await killUnderRealPolicy({
        system,
        kills,
        messages,
        connections: 5,
        rate: 30,
        log: (line) => t.diagnostic(line),
      });
      assert.deepEqual(lost, []);
      assert.deepEqual(wrong, []);
      assert.ok(acknowledged >= messages);
      assert.deepEqual(problems, []);
      // What a kill doubles is what a host has accepted and nobody has read about: a transaction for each connection in use, with up
      // to four recipients; of a message for seven, several items may be on their way, and reports. (Up to 7 a kill were seen.)
      assert.ok(duplicates.length <= 30 * kills, `${duplicates.length} duplicates by ${kills} kills`);
    });
  }
});
