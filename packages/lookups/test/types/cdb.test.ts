import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LookupDefer } from "../../src/lookup-defer.ts";
import { cdb } from "../../src/types/cdb.ts";
import { escapedForExim, exim, eximAnswers, ourAnswer } from "../exim-answers.ts";
import { cdbFile } from "./cdb-file.ts";
import { openedWith, opening } from "./open-type.ts";

const skip = exim === undefined ? "Exim is not on this machine: nothing was compared" : false;

const records: (readonly [string, string])[] = [
  ["example.org", "relay"],
  ["Example.org", "case"],
  ["empty", ""],
  ["twice", "first"],
  ["twice", "second"],
  ["a\0b", "\0\xff\r\n"],
  ["\xe9", "latin"],
  ["long", "x".repeat(100_000)],
  ...Array.from({ length: 3000 }, (_, i) => [`host${i}.example.org`, `value ${i}`] as const),
];

test("every record is found, the first of equal keys, and nothing else", async () => {
  await using file = await openedWith(cdb, cdbFile(records));
  for (const [key] of records) assert.equal(await file.get(key), records.find((record) => record[0] === key)?.[1], key);
  for (const key of ["EXAMPLE.org", "example.or", "example.org\0", "host3000.example.org", "", "*"]) {
    assert.equal(await file.get(key), undefined, key);
  }
});

test("an empty database has no keys", async () => {
  await using file = await openedWith(cdb, cdbFile([]));
  assert.equal(await file.get("a"), undefined);
});

test("a file that is too short for its header cannot be opened", async () => {
  assert.equal(await opening(cdb, Buffer.alloc(2047)), "failed to open FILE too short for cdb lookup");
});

test("a damaged file defers or finds nothing, whatever is in it", async () => {
  const octets = cdbFile(records.slice(0, 50));
  const damage = fc.array(fc.tuple(fc.nat({ max: octets.length - 1 }), fc.nat({ max: 255 })), { maxLength: 200 });
  await fc.assert(
    fc.asyncProperty(damage, fc.nat({ max: octets.length - 2048 }), async (changes, cut) => {
      const damaged = Buffer.from(octets.subarray(0, octets.length - cut));
      for (const [at, octet] of changes) if (at < damaged.length) damaged[at] = octet;
      await using file = await openedWith(cdb, damaged);
      for (const [key] of records.slice(0, 10)) {
        await file.get(key).catch((err) => assert.ok(err instanceof LookupDefer, String(err)));
      }
    }),
    { numRuns: 50 },
  );
});

test("Exim finds the same in the same file", { skip }, async () => {
  await using file = await openedWith(cdb, cdbFile(records));
  const keys = [...new Set(records.slice(0, 300).map(([key]) => key)), "nosuch", "EMPTY", "host299", "twice "].filter(
    (key) => !/[\0]|^long$/.test(key),
  );
  const theirs = await eximAnswers(keys.map((key) => `{${escapedForExim(key)}}cdb{${file.path}}`));
  for (const [i, key] of keys.entries()) {
    const data = await file.get(key);
    assert.equal(ourAnswer(data === undefined ? { found: false } : { found: true, data }), theirs[i], key);
  }
});
