import assert from "node:assert/strict";
import { test } from "node:test";
import { INLINE_LIMIT_OCTETS, type SpoolReference } from "@postbus/contracts";
import { SpoolError } from "@postbus/spool";
import type { Bus } from "../../src/index.ts";
import type { Open } from "../contract.ts";
import {
  collect,
  deliverItems,
  done,
  eventually,
  newMessageId,
  noted,
  nothingWaits,
  record,
  routeItem,
  textsOf,
} from "../contract-items.ts";

export function contentContract(open: Open): void {
  const inline: [name: string, octets: Buffer][] = [
    ["no octets", Buffer.alloc(0)],
    ["every octet", Buffer.from(Array.from({ length: 1024 }, (_, i) => i & 0xff))],
    ["the inline limit", Buffer.alloc(INLINE_LIMIT_OCTETS, "0123456789abcdef\r\n")],
  ];
  for (const [name, octets] of inline) {
    test(`inline content of ${name} goes through two services unchanged`, async (t) => {
      const { bus } = await open(t);
      await collect(bus, "route", async (work) => ({ publish: deliverItems(work) }));
      const delivered = await collect(bus, "deliver", async () => done);
      await bus.publish(routeItem(newMessageId(), { content: { kind: "inline", octets } }));
      await eventually(() => assert.equal(delivered.length, 1));
      const content = delivered[0]?.content;
      assert.ok(content?.kind === "inline" && content.octets.equals(octets));
    });
  }

  test("spooled content is read back with its digest checked, and goes with the message's last item", async (t) => {
    const { bus } = await open(t);
    const events = await record(bus);
    const messageId = newMessageId();
    const { reference, octets } = await spoolSomething(bus, messageId);
    await collect(bus, "route", async (work) => ({ publish: deliverItems(work, 2) }));
    await collect(bus, "deliver", async (work) => {
      assert.equal(work.content.kind, "spooled");
      assert.ok((await readAll(bus, reference)).equals(octets));
      return { events: [noted(messageId, "read")] };
    });
    await bus.publish(routeItem(messageId, { content: { kind: "spooled", ...reference } }));
    await eventually(() => assert.deepEqual(textsOf(events, messageId), ["read", "read"]));
    await eventually(() => nothingWaits(bus));
    await eventually(() => assert.rejects(readAll(bus, reference), SpoolError));
  });

  test("spooled content is read from any place on", async (t) => {
    const { bus } = await open(t);
    const { reference, octets } = await spoolSomething(bus, newMessageId());
    for (const start of [1, 65_535, 65_536, 131_072, octets.length - 1, octets.length, octets.length + 1]) {
      const read = Buffer.concat(await Array.fromAsync(bus.spool.read(reference, { start })));
      assert.ok(read.equals(octets.subarray(start)), `from ${start}`);
    }
  });

  test("waiting items know the size of their content", async (t) => {
    const { bus } = await open(t);
    const [small, large] = [newMessageId(), newMessageId()];
    const { reference } = await spoolSomething(bus, large);
    await bus.publish(routeItem(small, { content: { kind: "inline", octets: Buffer.alloc(123) } }));
    await bus.publish(routeItem(large, { content: { kind: "spooled", ...reference } }));
    await eventually(async () => {
      assert.equal((await bus.waiting.ofMessage(small))[0]?.size, 123);
      assert.equal((await bus.waiting.ofMessage(large))[0]?.size, reference.size);
    });
  });

  test("what was written and aborted is not there", async (t) => {
    const { bus } = await open(t);
    const id = newMessageId();
    const writer = await bus.spool.create(id);
    await writer.write(Buffer.from("half a mess"));
    await writer.abort();
    await assert.rejects(readAll(bus, { id, size: 11, sha256: "0".repeat(64) }), SpoolError);
  });

  test("a sweep takes what nothing refers to and leaves what a waiting message needs", async (t) => {
    const { bus } = await open(t);
    const [orphan, needed] = [newMessageId(), newMessageId()];
    const lost = await spoolSomething(bus, orphan);
    const kept = await spoolSomething(bus, needed);
    await bus.publish(routeItem(needed, { content: { kind: "spooled", ...kept.reference } }));
    const isInUse = async (id: string): Promise<boolean> => (await bus.waiting.ofMessage(id)).length > 0;
    await eventually(async () => assert.equal(await isInUse(needed), true));
    await eventually(async () => {
      await bus.spool.sweep(0, isInUse);
      await assert.rejects(readAll(bus, lost.reference), SpoolError);
    });
    assert.ok((await readAll(bus, kept.reference)).equals(kept.octets));
  });
}

async function spoolSomething(
  bus: Bus,
  id: string,
): Promise<{ readonly reference: SpoolReference; readonly octets: Buffer }> {
  const octets = Buffer.alloc(3 * INLINE_LIMIT_OCTETS + 17, `${id}\r\n`);
  const writer = await bus.spool.create(id);
  for (let at = 0; at < octets.length; at += 60_000) await writer.write(octets.subarray(at, at + 60_000));
  return { reference: await writer.finish(), octets };
}

async function readAll(bus: Bus, reference: SpoolReference): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(bus.spool.read(reference)));
}
