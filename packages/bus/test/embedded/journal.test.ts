import assert from "node:assert/strict";
import fs, { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { ConfigError } from "@postbus/mail";
import { Journal } from "../../src/embedded/journal.ts";
import { type JournalEntry, seal } from "../../src/embedded/journal-record.ts";

const STORE = "0123456789ab";
/** Of a file, where records begin. */
const PAGE = 4_096;
/** Of the second record, if its key has three letters and is its value, too: behind a page of the file's own, a head of 36 octets and one of 8. */
const SECOND = 2 * PAGE;
const END = SECOND + 36 + 8 + 3 + 3;

function emptyDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "postbus-journal-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

const opened = (directory: string, settled = 0, storeId = STORE): Journal =>
  new Journal({ directory, storeId, settled });
const made = (directory: string): Journal => new Journal({ directory, storeId: STORE, settled: undefined });

const put = (key: string, value: Buffer | string | undefined = key): JournalEntry => ({ table: 3, key, value });

const isConfigError = (text: RegExp) => (err: unknown) => err instanceof ConfigError && text.test(err.message);

async function append(journal: Journal, ...entries: JournalEntry[]): Promise<void> {
  const record = journal.encode(entries);
  assert.ok(record !== undefined && journal.hasRoom(record));
  await journal.append(record);
}

/** The keys of the records that a process would find. */
function found(directory: string, settled = 0, store = STORE): string[] {
  const journal = opened(directory, settled, store);
  const keys = journal.takeLeft().map(({ entries }) => entries.map(({ key }) => key).join("+"));
  journal.close();
  return keys;
}

async function written(t: TestContext, ...keys: string[]): Promise<string> {
  const directory = emptyDirectory(t);
  const journal = made(directory);
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
    const journal = made(directory);
    await append(
      journal,
      put("a\xff", "ä"),
      put("b", Buffer.from([0, 255])),
      { table: 3, key: "c", value: undefined },
      put("d", ""),
    );
    journal.close();
    const [record] = opened(directory).takeLeft();
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

  test("nothing that is not all there, or not this store's", async (t) => {
    const directory = await written(t, "one");
    assert.throws(() => found(directory, 0, "abcdefabcdef"), /journal-0 is not of this directory or of this version/);
    truncateSync(join(directory, "journal-1"), PAGE);
    assert.throws(() => found(directory), /journal-1 is not whole/);
    rmSync(join(directory, "journal-0"));
    assert.throws(() => found(directory), isConfigError(/journal-0 is missing: mail that was accepted last is in it/));
  });

  test("nothing any more where the operator has given it up", async (t) => {
    const directory = await written(t, "one");
    rmSync(join(directory, "journal-0"));
    writeFileSync(join(directory, "forget-journal"), "");
    const journal = opened(directory, 7);
    assert.deepEqual(journal.takeLeft(), []);
    await append(journal, put("two"));
    journal.close();
    assert.deepEqual(found(directory, 7), ["two"]);
  });

  test("nothing that mail has made look like a record", async (t) => {
    const directory = emptyDirectory(t);
    const journal = made(directory);
    const record = journal.encode([put("forged")]) ?? Buffer.alloc(0);
    seal(record, 9, 0, Buffer.from("guessed!"));
    // Where a page begins once the record around it is no more.
    await append(journal, put("a", Buffer.concat([Buffer.alloc(PAGE - 36 - 8 - 1), record])));
    journal.close();
    change(directory, PAGE, 0);
    assert.deepEqual(found(directory), []);
  });

  test("nothing of a record that was cut short", async (t) => {
    const directory = await written(t, "one", "two");
    const file = join(directory, "journal-0");
    const octets = readFileSync(file);
    for (let length = SECOND; length < END; length++) {
      writeFileSync(file, Buffer.concat([octets.subarray(0, length), Buffer.alloc(octets.length - length)]));
      assert.deepEqual(found(directory), ["one"], `${length} octets`);
    }
  });

  test("nothing of the last record if any octet of it is another", async (t) => {
    const directory = await written(t, "one", "two");
    for (let at = SECOND; at < END; at++) {
      const before = readFileSync(join(directory, "journal-0"))[at] ?? 0;
      change(directory, at, before ^ 0x10);
      assert.deepEqual(found(directory), ["one"], `octet ${at}`);
      change(directory, at, before);
    }
  });

  test("a record that is damaged before others is told, not passed over", async (t) => {
    const directory = emptyDirectory(t);
    const journal = made(directory);
    await append(journal, put("one"));
    journal.turn();
    await append(journal, put("two"));
    journal.close();
    change(directory, PAGE + 40, 0xff);
    assert.throws(
      () => opened(directory, 0),
      isConfigError(/journal is damaged .*: record 1 is missing.*forget-journal/),
    );
  });
});

test("a record that is damaged before others in its file is told as well", async (t) => {
  const directory = await written(t, "one", "two", "three");
  change(directory, SECOND + 40, 0xff);
  assert.throws(() => opened(directory, 0), /journal is damaged .*: record 2 is missing/);
  assert.throws(() => opened(directory, 1), /journal is damaged .*: record 2 is missing/);
  // What is in the tables' file already is not missed.
  assert.deepEqual(found(directory, 3), []);
  assert.deepEqual(found(directory, 2), ["three"]);
});

describe("the two files", () => {
  test("are filled in turn, and again only when they are settled", async (t) => {
    const directory = emptyDirectory(t);
    const journal = made(directory);
    const large = (name: string): JournalEntry => put(name, Buffer.alloc(3 * 1024 * 1024));
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
    const journal = made(directory);
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
    const journal = made(emptyDirectory(t));
    assert.equal(journal.encode([put("a", Buffer.alloc(4 * 1024 * 1024))]), undefined);
    journal.close();
  });
});

test("an append that failed, as far as one knows, does not count once something follows it or its number is settled", async (t) => {
  const directory = emptyDirectory(t);
  const journal = made(directory);
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
