import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { LookupDefer } from "../../src/lookup-defer.ts";
import { lmdb } from "../../src/types/lmdb.ts";
import { openedWith, opening } from "./open-type.ts";

const fixture = (name: string): Buffer => gunzipSync(readFileSync(new URL(`fixtures/${name}.mdb.gz`, import.meta.url)));

/** What was given to `mdb_load`. */
const rows: [file: string, key: string, data: string | undefined][] = [
  ["empty", "a", undefined],
  ["small", "example.org", "relay"],
  ["small", "Example.org", "case"],
  ["small", "EXAMPLE.ORG", undefined],
  ["small", "empty", ""],
  ["small", "bin\0key", "\0\xff\r\n"],
  ["small", "bin", undefined],
  ["small", "\xe9", "latin"],
  ["small", "z".repeat(511), "long key"],
  ["small", "z".repeat(600), undefined],
  ["small", "A", undefined],
  ["small", "\xff", undefined],
  ["large", "big", "0123456789".repeat(2000)],
  ["large", "mid", "m".repeat(2100)],
  ["large", "edge", "e".repeat(1990)],
  ["duplicates", "one", "a"],
  ["duplicates", "two", "x"],
  ["duplicates", "many", "item08000"],
];

for (const [name, key, data] of rows) {
  test(`${name}: ${JSON.stringify(key.slice(0, 20))} has ${data?.length ?? "no"} octets of data`, async () => {
    await using file = await openedWith(lmdb, fixture(name));
    assert.equal(await file.get(key), data);
  });
}

test("all keys of a tree are found, and none between them", async () => {
  await using file = await openedWith(lmdb, fixture("large"));
  for (let i = 0; i < 6000; i++) {
    const key = `host${String(i).padStart(5, "0")}.example.org`;
    assert.equal(await file.get(key), i % 2 === 0 ? `value of ${i}` : undefined, key);
  }
});

test("a change of the file is seen in the next lookup, without opening it again", async () => {
  await using file = await openedWith(lmdb, fixture("small"));
  assert.equal(await file.get("host00002.example.org"), undefined);
  await writeFile(file.path, fixture("large"));
  assert.equal(await file.get("host00002.example.org"), "value of 2");
  assert.equal(await file.get("example.org"), undefined);
});

test("what is no database of the library's present format cannot be opened", async () => {
  const failure = "LMDB: Unable to open environment with FILE: ";
  const other = fixture("small");
  for (const page of [0, 4096]) other.writeUInt32LE(2, page + 20);
  assert.equal(await opening(lmdb, other), `${failure}MDB_VERSION_MISMATCH: Database environment version mismatch`);
  assert.equal(await opening(lmdb, "text ".repeat(4000)), `${failure}MDB_INVALID: File is not an LMDB file`);
  assert.equal(
    await opening(lmdb, fixture("small").subarray(0, 100)),
    `${failure}MDB_INVALID: File is not an LMDB file`,
  );
  assert.equal(await opening(lmdb, ""), `${failure}Bad file descriptor`);
});

test("a damaged file defers or finds something, whatever is in it", async () => {
  const octets = fixture("duplicates");
  const damage = fc.array(fc.tuple(fc.nat({ max: octets.length - 1 }), fc.nat({ max: 255 })), { maxLength: 2000 });
  await fc.assert(
    fc.asyncProperty(damage, fc.nat({ max: octets.length }), async (changes, cut) => {
      const damaged = Buffer.from(octets.subarray(0, octets.length - cut));
      for (const [at, octet] of changes) if (at >= 160 && at < damaged.length) damaged[at] = octet;
      const asked = openedWith(lmdb, damaged).then(async (opened) => {
        await using file = opened;
        for (const key of ["one", "two", "many", "zzz", "a"]) {
          await file.get(key).catch((err) => assert.ok(err instanceof LookupDefer, String(err)));
        }
      });
      await asked.catch((err) => assert.ok(err instanceof LookupDefer, String(err)));
    }),
    { numRuns: 50 },
  );
});
