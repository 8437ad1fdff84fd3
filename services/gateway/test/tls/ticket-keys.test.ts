import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { TicketKeys } from "../../src/tls/ticket-keys.ts";
import { MemoryValues } from "./memory-values.ts";

const MINUTE_MS = 60_000;
const START_MS = 1_700_000_000_000;

/** Gateways with one store and one clock. */
function fleet(size: number) {
  const values = new MemoryValues();
  const clock = { nowMs: START_MS };
  const warnings: unknown[] = [];
  const log = { warn: (fact: unknown) => warnings.push(fact) };
  const gateways = Array.from({ length: size }, () => new TicketKeys(values, log, () => clock.nowMs));
  return { values, clock, warnings, gateways };
}
const nameOf = (keys: TicketKeys | undefined): string | undefined =>
  keys?.current?.octets.subarray(0, 16).toString("hex");
const opens = (keys: TicketKeys | undefined, name: string | undefined): boolean =>
  keys?.of(Buffer.from(name ?? "", "hex")) !== undefined;

describe("keys of session tickets", () => {
  test("are the same at all gateways, who have begun at the same moment", async () => {
    const { gateways, values } = fleet(5);
    await Promise.all(gateways.map((one) => one.refresh()));
    assert.equal(new Set(gateways.map(nameOf)).size, 1);
    assert.notEqual(nameOf(gateways[0]), undefined);
    assert.equal(values.writes, 1);
  });

  test("are looked at once a minute at most", async () => {
    const { gateways, values, clock } = fleet(1);
    const [keys] = gateways;
    for (let i = 0; i < 10; i++) await keys?.refresh();
    const { reads } = values;
    clock.nowMs += MINUTE_MS;
    await keys?.refresh();
    assert.equal(values.reads, reads + 1);
  });

  test("change every hour, at all gateways at once, and the one before still opens", async () => {
    const { gateways, clock } = fleet(3);
    const seen: string[] = [];
    for (let minute = 0; minute < 181; minute++) {
      // Each looks at another moment of the minute.
      for (const one of gateways) {
        clock.nowMs += MINUTE_MS / 3;
        await one.refresh();
        // It may look in the background.
        await new Promise(setImmediate);
      }
      const names = new Set(gateways.map(nameOf));
      assert.equal(names.size, 1, `minute ${minute}`);
      const [name] = names;
      if (name !== undefined && seen.at(-1) !== name) seen.push(name);
    }
    assert.equal(seen.length, 4);
    const [first, second] = seen;
    assert.equal(opens(gateways[0], first), false, "it began three hours ago");
    assert.equal(opens(gateways[1], second), true);
    assert.equal(opens(gateways[2], "00".repeat(16)), false);
  });

  test("are not used when they are old, and nobody waits for a store that is away", async () => {
    const { gateways, clock, values, warnings } = fleet(1);
    const [keys] = gateways;
    await keys?.refresh();
    const name = nameOf(keys);
    values.isAway = true;
    clock.nowMs += 179 * MINUTE_MS;
    for (let i = 0; i < 5; i++) await keys?.refresh();
    assert.equal(warnings.length, 1);
    assert.equal(nameOf(keys), name);
    clock.nowMs += MINUTE_MS;
    assert.equal(nameOf(keys), undefined);
    assert.equal(opens(keys, name), false);
    values.isAway = false;
    await keys?.refresh();
    assert.notEqual(nameOf(keys), undefined);
  });
});
