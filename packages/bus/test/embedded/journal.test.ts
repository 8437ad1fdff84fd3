import assert from "node:assert/strict";
import fs, { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { Journal } from "../../src/embedded/journal.ts";
import type { JournalEntry } from "../../src/embedded/journal-record.ts";

const STORE = "0123456789ab";
/** Of a file, where records begin. */
const PAGE = 4_096;
/** Of the second record, if its key has three letters and is its value, too: behind a head of 24 octets and one of 8. */
const END = PAGE + 24 + 8 + 3 + 3;

function emptyDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "postbus-journal-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

const put = (key: string, value: Buffer | string | undefined = key): JournalEntry => ({ table: 3, key, value });

async function append(journal: Journal, ...entries: JournalEntry[]): Promise<void> {
  const record = journal.encode(entries);
  assert.ok(record !== undefined && journal.hasRoom(record));
  await journal.append(record);
}

/** The keys of the records that a process would find. */
function found(directory: string, settled = 0, store = STORE): string[] {
  const journal = new Journal(directory, store, settled);
  const keys = journal.takeLeft().map(({ entries }) => entries.map(({ key }) => key).join("+"));
  journal.close();
  return keys;
}

async function written(t: TestContext, ...keys: string[]): Promise<string> {
  const directory = emptyDirectory(t);
  const journal = new Journal(directory, STORE, 0);
  for (const key of keys) await append(journal, put(key));
  journal.close();
  return directory;
}

function change(directory: string, at: number, octet: number): void {
  const file = join(directory, "journal-0");
  const octets = readFileSync(file);
  octets[at] = octet;
  writeFileSync(file, octets);
}

describe("what a later process finds", () => {
  test("entries as they were: text, octets, nothing", async (t) => {
    const directory = emptyDirectory(t);
    const journal = new Journal(directory, STORE, 0);
    await append(
      journal,
      put("a\xff", "ä"),
      put("b", Buffer.from([0, 255])),
      { table: 3, key: "c", value: undefined },
      put("d", ""),
    );
    journal.close();
    const [record] = new Journal(directory, STORE, 0).takeLeft();
    assert.deepEqual(record?.entries, [
      { table: 3, key: "a\xff", value: Buffer.from("ä") },
      { table: 3, key: "b", value: Buffer.from([0, 255]) },
      { table: 3, key: "c", value: undefined },
      { table: 3, key: "d", value: Buffer.alloc(0) },
    ]);
  });

  test("only what is not settled, in order", async (t) => {
    const directory = await written(t, "one", "two", "three");
    assert.deepEqual(found(directory), ["one", "two", "three"]);
    assert.deepEqual(found(directory, 2), ["three"]);
    assert.deepEqual(found(directory, 3), []);
  });

  test("nothing of another store", async (t) => {
    assert.deepEqual(found(await written(t, "one"), 0, "another"), []);
  });

  test("nothing of a record that was cut short", async (t) => {
    const directory = await written(t, "one", "two");
    const file = join(directory, "journal-0");
    const octets = readFileSync(file);
    for (let length = PAGE; length < END; length++) {
      writeFileSync(file, octets.subarray(0, length));
      assert.deepEqual(found(directory), ["one"], `${length} octets`);
    }
  });

  test("nothing of the last record if any octet of it is another", async (t) => {
    const directory = await written(t, "one", "two");
    for (let at = PAGE; at < END; at++) {
      const before = readFileSync(join(directory, "journal-0"))[at] ?? 0;
      change(directory, at, before ^ 0x10);
      assert.deepEqual(found(directory), ["one"], `octet ${at}`);
      change(directory, at, before);
    }
  });

  test("a record that is damaged before others is told, not passed over", async (t) => {
    const directory = emptyDirectory(t);
    const journal = new Journal(directory, STORE, 0);
    await append(journal, put("one"));
    journal.turn();
    await append(journal, put("two"));
    journal.close();
    change(directory, 30, 0xff);
    assert.throws(() => new Journal(directory, STORE, 0), /journal is damaged: record 1 is missing/);
  });
});

test("a record that is damaged before others in its file is told as well", async (t) => {
  const directory = await written(t, "one", "two", "three");
  change(directory, PAGE + 30, 0xff);
  assert.throws(() => new Journal(directory, STORE, 0), /journal is damaged: record 2 is missing/);
  assert.throws(() => new Journal(directory, STORE, 1), /journal is damaged: record 2 is missing/);
  // What is in the tables' file already is not missed.
  assert.deepEqual(found(directory, 3), []);
  assert.deepEqual(found(directory, 2), ["three"]);
});

describe("the two files", () => {
  test("are filled in turn, and again only when they are settled", async (t) => {
    const directory = emptyDirectory(t);
    const journal = new Journal(directory, STORE, 0);
    const large = (name: string): JournalEntry => put(name, Buffer.alloc(5 * 1024 * 1024));
    await append(journal, large("one"));
    await append(journal, large("two"));
    const third = journal.encode([large("three")]);
    assert.ok(third !== undefined && !journal.hasRoom(third));
    await assert.rejects(journal.append(third), /no room/);
    assert.deepEqual(found(directory), ["one", "two"]);
    journal.settle(1);
    assert.ok(journal.hasRoom(third));
    await journal.append(third);
    journal.close();
    assert.deepEqual(found(directory, 1), ["two", "three"]);
  });

  test("keep what is being written when others are settled", async (t) => {
    const directory = emptyDirectory(t);
    const journal = new Journal(directory, STORE, 0);
    await append(journal, put("one"));
    const writing = append(journal, put("two"));
    journal.settle(1);
    journal.turn();
    journal.turn();
    await writing;
    await append(journal, put("three"));
    await append(journal, put("four"));
    journal.close();
    assert.deepEqual(found(directory, 1), ["two", "three", "four"]);
  });

  test("take nothing that is larger than they are", (t) => {
    const journal = new Journal(emptyDirectory(t), STORE, 0);
    assert.equal(journal.encode([put("a", Buffer.alloc(8 * 1024 * 1024))]), undefined);
    journal.close();
  });
});

test("an append that failed, as far as one knows, does not count once something follows it or its number is settled", async (t) => {
  const directory = emptyDirectory(t);
  const journal = new Journal(directory, STORE, 0);
  await append(journal, put("one"));
  // It is there all the same; its changes have found no other place.
  const { write } = fs;
  fs.write = ((
    fd: number,
    octets: Buffer,
    from: number,
    length: number,
    at: number,
    done: (err: Error) => void,
  ): void => write(fd, octets, from, length, at, () => done(new Error("EIO")))) as typeof write;
  syncBuiltinESMExports();
  await assert.rejects(append(journal, put("lost")), /EIO/);
  fs.write = write;
  syncBuiltinESMExports();
  assert.deepEqual(found(directory), ["one", "lost"]);
  assert.equal(journal.ended, 2);
  assert.deepEqual(found(directory, 2), []);
  journal.turn();
  await append(journal, put("two"));
  assert.deepEqual(found(directory), ["one", "two"]);
  // Whether the file has got the number of the lost one is as uncertain.
  assert.deepEqual(found(directory, 2), ["two"]);
  journal.close();
});
