import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SpoolError } from "@postbus/spool";
import type { Bus } from "../../src/index.ts";
import { ContentSweep } from "../../src/nats/content-sweep.ts";
import { newMessageId, routeItem } from "../contract-items.ts";
import { skip, startFleet } from "./fleet.ts";

async function spooled(bus: Bus, messageId: string) {
  const writer = await bus.spool.create(messageId);
  await writer.write(Buffer.alloc(300_000, "x"));
  return { kind: "spooled", ...(await writer.finish()) } as const;
}

describe("content without an item", { skip }, () => {
  test("is removed when it was found twice; what an item refers to stays, wherever that waits", async (t) => {
    const { connect } = await startFleet(t);
    const bus = await connect();
    const sweep = new ContentSweep({
      spool: bus.spool,
      waiting: bus.waiting,
      link: { onProblem: assert.fail },
      minAgeMs: 0,
    });
    const orphan = await spooled(bus, newMessageId());
    const kept = await Promise.all(
      [{}, { notBeforeMs: Date.now() + 3_600_000 }, { frozen: "wanted so" }].map(async (state) => {
        const messageId = newMessageId();
        const content = await spooled(bus, messageId);
        await bus.publish(routeItem(messageId, { content, ...state }));
        return content;
      }),
    );
    const octetsOf = async (content: typeof orphan) => Buffer.concat(await Array.fromAsync(bus.spool.read(content)));

    assert.equal(await sweep.sweep(), 0);
    assert.equal((await octetsOf(orphan)).length, 300_000);
    assert.equal(await sweep.sweep(), 1);
    await assert.rejects(octetsOf(orphan), SpoolError);
    for (const content of kept) assert.equal((await octetsOf(content)).length, 300_000);
  });

  test("is not taken for an orphan because it was without an item long ago", async () => {
    let items = 0;
    const waiting = { ofMessage: async () => new Array(items).fill({}) };
    const removed: string[] = [];
    const spool = {
      async sweep(_: number, isInUse: (id: string) => Promise<boolean>): Promise<number> {
        if (await isInUse("message--mark")) return 0;
        removed.push("message--mark");
        return 1;
      },
    };
    const sweep = new ContentSweep({ spool, waiting, link: { onProblem: assert.fail } });
    for (const now of [0, 1, 0]) {
      items = now;
      await sweep.sweep();
    }
    assert.deepEqual(removed, []);
    await sweep.sweep();
    assert.deepEqual(removed, ["message--mark"]);
  });
});
