import assert from "node:assert/strict";
import { test } from "node:test";
import { FLEET_EXPIRY_MS, type FleetMember } from "@postbus/contracts";
import { Replicas } from "../src/replicas.ts";

const NOW = 1_795_225_000_000;

const member = (service: string, instance: string, seenAtMs = NOW): FleetMember => ({
  ...{ v: 1, service, instance, version: "0", startedAtMs: 0, seenAtMs, state: "ready" },
});

test("those that deliver and have been heard of lately are counted, and never fewer than this one", async () => {
  let stored: unknown[] = [];
  const members = { list: async () => stored.map((value, i) => ({ key: String(i), value, revision: 1 })) };
  const replicas = new Replicas({ members, now: () => NOW });
  replicas.stop();
  await replicas.read();
  assert.equal(replicas.count, 1);
  stored = [
    ...[member("delivery", "a"), member("delivery", "b"), member("router", "a")],
    ...[member("delivery", "gone", NOW - FLEET_EXPIRY_MS - 1), { service: "delivery" }],
  ];
  await replicas.read();
  assert.equal(replicas.count, 2);
});
