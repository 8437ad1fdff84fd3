import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { lineBlocks } from "../src/line-blocks.ts";
import { transientPieces } from "./transient-pieces.ts";

/** Copies, since a block holds only until the next one is asked for. */
async function blocksOf(octets: Buffer, pieceOctets: number): Promise<Buffer[]> {
  const blocks: Buffer[] = [];
  for await (const block of lineBlocks(transientPieces(octets, pieceOctets))) blocks.push(Buffer.from(block));
  return blocks;
}

test("blocks are the octets, in order, cut behind line ends", async () => {
  const line = fc.integer({ min: 0, max: 30_000 }).map((octets) => `${"x".repeat(octets)}\r\n`);
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { maxLength: 40 }),
      fc.integer({ min: 1_000, max: 70_000 }),
      async (lines, size) => {
        const whole = Buffer.from(lines.join(""), "latin1");
        const blocks = await blocksOf(whole, size);
        assert.ok(Buffer.concat(blocks).equals(whole));
        assert.ok(blocks.every((block) => block.toString("latin1").endsWith("\r\n")));
      },
    ),
    { numRuns: 30 },
  );
});

/** What the library would keep a part of has memory of its own, so that it stays what it was. */
const kept: readonly [name: string, octets: Buffer][] = [
  ["a line longer than a block", Buffer.alloc(400_000, "x")],
  ["a CR alone before the line end", Buffer.from("x\r\r\n".repeat(100_000), "latin1")],
];
for (const [name, octets] of kept) {
  test(`${name} makes blocks that stay what they were`, async () => {
    const blocks = await Array.fromAsync(lineBlocks(transientPieces(octets, 65_536)));
    assert.ok(Buffer.concat(blocks).equals(octets));
  });
}

test("nothing makes no block", async () => {
  assert.deepEqual(await blocksOf(Buffer.alloc(0), 10), []);
});
