import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BusFullError } from "../../src/index.ts";
import { collect, deliverItems, done, eventually, newMessageId, nothingWaits, routeItem } from "../contract-items.ts";
import { skip, startFleet } from "./fleet.ts";

const large = { kind: "inline", octets: Buffer.alloc(50_000, "x") } as const;

describe("a bus without room", { skip }, () => {
  test("what does not fit is refused as full, nothing that was accepted is lost, and accepting goes on", async (t) => {
    const { connect } = await startFleet(t, {}, { maxAcceptedOctets: 500_000 });
    const bus = await connect();
    const accepted: string[] = [];
    let refused = 0;
    const publish = async () => {
      const messageId = newMessageId();
      try {
        await bus.publish(routeItem(messageId, { content: large }));
        accepted.push(messageId);
      } catch (err) {
        assert.ok(err instanceof BusFullError, String(err));
        refused++;
      }
    };
    // More than fit into a batch, so that a batch meets the bound, too.
    await Promise.all(Array.from({ length: 60 }, publish));
    assert.ok(refused > 0 && accepted.length > 0);
    assert.equal((await bus.waiting.counts()).route, accepted.length);

    const handled = await collect(bus, "route", async (work) => ({ publish: deliverItems(work) }));
    const delivered = await collect(bus, "deliver", async () => done);
    await eventually(() => nothingWaits(bus));
    assert.deepEqual(handled.map(({ messageId }) => messageId).toSorted(), accepted.toSorted());
    assert.equal(delivered.length, accepted.length);
    const before = accepted.length;
    await eventually(async () => {
      await publish();
      assert.ok(accepted.length > before);
    });
  });

  test("a server whose storage is used up refuses as full", async (t) => {
    const { connect } = await startFleet(t, { jetstream: "max_file: 40MB" }, { eventsMaxOctets: 1_000_000 });
    const bus = await connect();
    const fill = async () => {
      for (let i = 0; i < 1_000; i++) {
        await Promise.all(
          Array.from({ length: 8 }, () =>
            bus.publish(routeItem(newMessageId(), { content: { kind: "inline", octets: Buffer.alloc(128 * 1024) } })),
          ),
        );
      }
    };
    await assert.rejects(fill(), BusFullError);
    assert.equal((await bus.health()).ok, true);
  });
});
