import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { SpoolReference } from "@postbus/contracts";
import fc from "fast-check";
import { openFileSpool, type Spool, SpoolError } from "../src/index.ts";

const ID = "1vMhGf-0000000012a-0Ab3";
const OTHER = "1vMhGf-0000000012a-0Ab4";

async function emptySpool(t: TestContext): Promise<{ readonly directory: string; readonly spool: Spool }> {
  const root = await mkdtemp(join(tmpdir(), "postbus-spool-"));
  t.after(() => rm(root, { recursive: true, force: true }));
  const directory = join(root, "spool");
  return { directory, spool: await openFileSpool(directory) };
}

async function store(spool: Spool, id: string, ...chunks: readonly Uint8Array[]): Promise<SpoolReference> {
  const writer = await spool.create(id);
  for (const chunk of chunks) await writer.write(chunk);
  return writer.finish();
}

const readAll = async (spool: Spool, reference: SpoolReference): Promise<Buffer> =>
  Buffer.concat(await Array.fromAsync(spool.read(reference)));

test("what was written in any pieces is read back whole", async (t) => {
  const { spool } = await emptySpool(t);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 300 })), async (chunks) => {
      const reference = await store(spool, ID, ...chunks);
      const whole = Buffer.concat(chunks);
      assert.equal(reference.size, whole.length);
      assert.ok((await readAll(spool, reference)).equals(whole));
    }),
    { numRuns: 30 },
  );
});

test("octets may be overwritten when write has nothing to wait for, or when that is over", async (t) => {
  const { spool } = await emptySpool(t);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 300_000 }), { maxLength: 6 }), async (sizes) => {
      const writer = await spool.create(ID);
      const octets = Buffer.alloc(300_000);
      for (const [n, size] of sizes.entries()) {
        await writer.write(octets.fill(n + 1).subarray(0, size));
        octets.fill(0);
      }
      const whole = Buffer.concat(sizes.map((size, n) => Buffer.alloc(size, n + 1)));
      assert.ok((await readAll(spool, await writer.finish())).equals(whole));
    }),
    { numRuns: 20 },
  );
});

test("transient pieces are whole while they hold, and share the memory of two", async (t) => {
  const { spool } = await emptySpool(t);
  for (const size of [0, 1, 65_536, 65_537, 131_072, 1_000_001]) {
    const whole = Buffer.alloc(size, "0123456789\r\n");
    const reference = await store(spool, ID, whole);
    const copies: Buffer[] = [];
    const memory = new Set<ArrayBufferLike>();
    for await (const piece of spool.read(reference, { isTransient: true })) {
      copies.push(Buffer.from(piece));
      memory.add(piece.buffer);
    }
    assert.ok(Buffer.concat(copies).equals(whole), `${size} octets`);
    assert.ok(memory.size <= 2);
  }
});

test("content of many chunks is read in bounded pieces", async (t) => {
  const { spool } = await emptySpool(t);
  const whole = Buffer.alloc(1_000_001, "0123456789\r\n");
  const reference = await store(spool, ID, whole);
  const pieces = await Array.fromAsync(spool.read(reference));
  assert.ok(Math.max(...pieces.map((piece) => piece.length)) <= 65_536);
  assert.ok(Buffer.concat(pieces).equals(whole));
});

test("files and directory are for their owner only", async (t) => {
  const { directory, spool } = await emptySpool(t);
  await store(spool, ID, Buffer.from("x"));
  assert.equal((await stat(directory)).mode & 0o777, 0o700);
  assert.equal((await stat(join(directory, ID))).mode & 0o777, 0o600);
});

test("nothing has the final name before it is finished, and nothing is left of what was aborted", async (t) => {
  const { directory, spool } = await emptySpool(t);
  const writer = await spool.create(ID);
  await writer.write(Buffer.from("half"));
  assert.ok(!(await readdir(directory)).includes(ID));
  await writer.abort();
  await writer.abort();
  assert.deepEqual(await readdir(directory), []);
});

/** What can have happened to a file since it was written. */
const damages: readonly [name: string, damage: (path: string, octets: Buffer) => Promise<void>, says: RegExp][] = [
  ["missing", (path) => rm(path), /cannot be opened/],
  ["cut short", (path, octets) => truncate(path, octets.length - 1), /has 199999 octets instead of 200000/],
  ["too long", (path, octets) => writeFile(path, Buffer.concat([octets, Buffer.from("x")])), /has 200001 octets/],
  [
    "one bit flipped",
    async (path) => {
      const octets = await readFile(path);
      octets.writeUInt8(octets.readUInt8(100) ^ 1, 100);
      await writeFile(path, octets);
    },
    /is damaged: its SHA-256 is/,
  ],
];
for (const [name, damage, says] of damages) {
  test(`stored content that is ${name} is never given out whole`, async (t) => {
    const { directory, spool } = await emptySpool(t);
    const whole = Buffer.alloc(200_000, "abc");
    const reference = await store(spool, ID, whole);
    await damage(join(directory, ID), whole);
    let given = 0;
    await assert.rejects(
      async () => {
        for await (const octets of spool.read(reference)) given += octets.length;
      },
      (err) => err instanceof SpoolError && says.test(err.message),
    );
    assert.ok(given < whole.length);
  });
}

test("removing takes the content away, and what is not there needs no removing", async (t) => {
  const { directory, spool } = await emptySpool(t);
  const reference = await store(spool, ID, Buffer.from("x"));
  await spool.remove(ID);
  await spool.remove(ID);
  assert.deepEqual(await readdir(directory), []);
  await assert.rejects(readAll(spool, reference), SpoolError);
});

test("a sweep removes what is old and not in use, and what its writer has left", async (t) => {
  const { directory, spool } = await emptySpool(t);
  const needed = await store(spool, ID, Buffer.from("needed"));
  await store(spool, OTHER, Buffer.from("orphan"));
  const leftBehind = await spool.create("left-behind");
  t.after(() => leftBehind.abort());
  await leftBehind.write(Buffer.from("half"));
  await writeFile(join(directory, "not ours.txt"), "");
  const hourAgo = Date.now() / 1000 - 3600;
  for (const name of await readdir(directory)) await utimes(join(directory, name), hourAgo, hourAgo);
  await store(spool, "young", Buffer.from("young"));
  assert.equal(await spool.sweep(60_000, async (id) => id === ID), 2);
  assert.deepEqual((await readdir(directory)).toSorted(), [ID, "not ours.txt", "young"].toSorted());
  assert.equal((await readAll(spool, needed)).toString(), "needed");
});

for (const id of ["..", "../x", "a/b", "", "a.b", "a\0b", "x".repeat(101)]) {
  test(`an id that could be a path is refused: ${JSON.stringify(id.slice(0, 10))}`, async (t) => {
    const { spool } = await emptySpool(t);
    await assert.rejects(spool.create(id), SpoolError);
    await assert.rejects(spool.remove(id), SpoolError);
    await assert.rejects(async () => readAll(spool, { id, size: 1, sha256: "0".repeat(64) }), SpoolError);
  });
}

test("a directory that cannot be used is one clear line", async (t) => {
  const { directory } = await emptySpool(t);
  const file = join(directory, "file");
  await writeFile(file, "");
  await assert.rejects(openFileSpool(join(file, "spool")), (err) => {
    assert.ok(err instanceof Error && err.name === "ConfigError");
    assert.match(err.message, /^spool: .*cannot be used: [^\n]+$/);
    return true;
  });
});
