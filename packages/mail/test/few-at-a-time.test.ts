import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fewAtATime } from "../src/few-at-a-time.ts";

describe("few at a time", () => {
  test("are worked on beside each other, within the bound, and come in their order", async () => {
    let now = 0;
    let most = 0;
    const all = Array.from({ length: 100 }, (_, i) => i);
    const done = await fewAtATime(all, 8, async (one) => {
      most = Math.max(most, ++now);
      for (let turns = one % 5; turns >= 0; turns--) await new Promise(setImmediate);
      now--;
      return one * 2;
    });
    assert.deepEqual(
      done,
      all.map((one) => one * 2),
    );
    assert.equal(most, 8);
  });

  test("begin no more when one has failed", async () => {
    const begun: number[] = [];
    const work = async (one: number): Promise<void> => {
      begun.push(one);
      await new Promise(setImmediate);
      if (one === 1) throw new Error("one");
    };
    await assert.rejects(fewAtATime([0, 1, 2, 3, 4, 5, 6], 2, work), /^Error: one$/);
    for (let turns = 0; turns < 10; turns++) await new Promise(setImmediate);
    assert.ok(begun.length <= 4, `${begun}`);
  });

  test("of none, nothing comes", async () => assert.deepEqual(await fewAtATime([], 8, async () => 1), []));
});
