import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { isStored, keptMs, nextRate, type RateState } from "../src/rate-formula.ts";

const HOUR = 3_600;

/** Rates of events at the given times (seconds), each counting 1 with a period of an hour. */
function rates(times: readonly number[]): number[] {
  let state: RateState | undefined;
  return times.map((time) => {
    const rate = nextRate(state, time * 1000, { count: 1, periodSeconds: HOUR });
    state = { rate, atMs: time * 1000 };
    return rate;
  });
}

describe("the smoothed rate", () => {
  test("of a burst is a little below the number of its events", () => {
    const burst = rates([0, 0.001, 0.002, 0.003, 0.004]);
    assert.deepEqual(
      burst.map((rate) => rate.toFixed(1)),
      ["1.0", "2.0", "3.0", "4.0", "5.0"],
    );
    assert.ok((burst[4] ?? 5) < 5);
  });

  test("of events a period apart nears one", () => {
    const [, , , last = 0] = rates([0, HOUR, 2 * HOUR, 3 * HOUR]);
    assert.equal(last.toFixed(3), "1.000");
  });

  test("never falls below what the event itself counts", () => {
    assert.equal(nextRate({ rate: 0.1, atMs: 0 }, 1e9, { count: 7, periodSeconds: 1 }), 7);
  });

  test("decays by e in a period when nothing comes", () => {
    const rate = nextRate({ rate: 10, atMs: 0 }, HOUR * 1000, { count: 0, periodSeconds: HOUR });
    assert.equal(rate.toFixed(6), (10 / Math.E).toFixed(6));
  });

  test("is finite and positive whatever the clock does", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1e9, noNaN: true }),
        fc.integer({ min: -(10 ** 12), max: 10 ** 13 }),
        fc.double({ min: 0, max: 1e9, noNaN: true }),
        fc.integer({ min: 1, max: 10 ** 8 }),
        (rate, atMs, count, periodSeconds) => {
          const next = nextRate({ rate, atMs: 0 }, atMs, { count, periodSeconds });
          assert.ok(next >= count && Number.isFinite(next));
        },
      ),
    );
  });
});

test("what is stored: strict always, leaky below the limit, readonly never", () => {
  assert.equal(isStored(5, { update: "strict", limit: 3 }), true);
  assert.equal(isStored(2.9, { update: "leaky", limit: 3 }), true);
  assert.equal(isStored(3, { update: "leaky", limit: 3 }), false);
  assert.equal(isStored(0, { update: "readonly", limit: 3 }), false);
});

test("a counter is kept until nothing of it could be seen, and not for ever", () => {
  assert.ok(Math.exp(-keptMs(1_000, HOUR) / (HOUR * 1000)) * 1_000 < 0.05);
  assert.ok(keptMs(1, 10 ** 9) <= 366 * 86_400_000);
});
