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
      // An outcome is written down when its reports are composed: on a busy machine every connection of a process (20) may have
      // carried something by then of which nothing is known behind the kill, with up to four recipients in a transaction.
      assert.ok(duplicates.length <= 80 * kills, `${duplicates.length} duplicates by ${kills} kills`);
    });
  }
});
