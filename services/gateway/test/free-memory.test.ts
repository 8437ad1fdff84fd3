import assert from "node:assert/strict";
import { test } from "node:test";
import { freeMemory } from "../src/free-memory.ts";

test("octets with memory of their own are gone", () => {
  const octets = Buffer.allocUnsafeSlow(65_536);
  freeMemory(octets);
  assert.equal(octets.length, 0);
});

test("what shares its memory with others stays", () => {
  const octets = Buffer.from("from the pool");
  const part = Buffer.allocUnsafeSlow(100).fill("x").subarray(0, 50);
  for (const shared of [octets, part]) freeMemory(shared);
  assert.equal(octets.toString(), "from the pool");
  assert.equal(part.toString(), "x".repeat(50));
});
