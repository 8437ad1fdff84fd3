import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { splitItemId } from "@postbus/contracts";
import fc from "fast-check";
import { partItemId } from "../src/part-item-id.ts";

const id = "1vMhGf-0000000012a-0Ab3_0_4";

describe("partItemId", () => {
  test("all recipients stay on their branch", () => {
    assert.equal(partItemId(id, [0, 1, 2], 3), "1vMhGf-0000000012a-0Ab3_0_5");
  });

  test("one of several gets a branch named after its position", () => {
    assert.equal(partItemId(id, [2], 3), "1vMhGf-0000000012a-0Ab3_0x2_5");
  });

  test("equal sets have equal ids, different sets different ones", () => {
    const positions = fc
      .uniqueArray(fc.nat(40), { minLength: 1, maxLength: 20 })
      .map((set) => set.sort((a, b) => a - b));
    fc.assert(
      fc.property(positions, positions, (a, b) => {
        assert.equal(partItemId(id, a, 41) === partItemId(id, b, 41), String(a) === String(b));
      }),
    );
  });

  test("an id that is split again and again stays short, and keeps its message", () => {
    let current = id;
    for (let of = 100; of > 2; of--) {
      current = partItemId(
        current,
        Array.from({ length: of - 1 }, (_, i) => i),
        of,
      );
      assert.ok(current.length < 120, current);
    }
    assert.equal(splitItemId(current).messageId, "1vMhGf-0000000012a-0Ab3");
    assert.equal(splitItemId(current).step, 4 + 98);
  });
});
