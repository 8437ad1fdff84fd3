import assert from "node:assert/strict";
import { mkdtemp, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { LogFile } from "../src/log-file.ts";

let directory: string;
let path: string;
let count = 0;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "postbus-log-"));
});
after(() => rm(directory, { recursive: true }));

/** A clock that passes the rotation check's second with every look at it. */
let nowMs = 0;
const clock = (): number => {
  nowMs += 1_001;
  return nowMs;
};

async function fresh(): Promise<LogFile> {
  path = join(directory, `${++count}-mainlog`);
  return LogFile.open(() => path, undefined, clock);
}

const text = (file: string): Promise<string> => readFile(file, "utf8");

test("what was written behind the committed mark is cut off", async () => {
  const log = await fresh();
  await log.append(Buffer.from("one\n"));
  const committed = log.mark;
  await log.append(Buffer.from("two\nhalf a li"));
  await log.close();
  const again = await LogFile.open(() => path, committed);
  await again.append(Buffer.from("two\n"));
  await again.close();
  assert.equal(await text(path), "one\ntwo\n");
});

test("it is cut off under the name that the file was given since, and the new file is left alone", async () => {
  const log = await fresh();
  await log.append(Buffer.from("one\n"));
  const committed = log.mark;
  await log.append(Buffer.from("two\n"));
  await log.close();
  await rename(path, `${path}.1`);
  await writeFile(path, "somebody else's, much longer than before\n");
  await (await LogFile.open(() => path, committed)).close();
  assert.equal(await text(`${path}.1`), "one\n");
  assert.equal(await text(path), "somebody else's, much longer than before\n");
});

test("after a rename a new file is begun; until it is noticed the old one is written", async () => {
  const log = await fresh();
  await log.append(Buffer.from("one\n"));
  await rename(path, `${path}.1`);
  await log.append(Buffer.from("two\n"));
  assert.equal(await log.followRotation(), true);
  assert.equal(log.mark.size, 0);
  await log.append(Buffer.from("three\n"));
  assert.equal(await log.followRotation(), false);
  await log.close();
  assert.deepEqual([await text(`${path}.1`), await text(path)], ["one\ntwo\n", "three\n"]);
});

test("after a removal a new file is begun", async () => {
  const log = await fresh();
  await log.append(Buffer.from("one\n"));
  await rm(path);
  assert.equal(await log.followRotation(), true);
  await log.append(Buffer.from("two\n"));
  await log.close();
  assert.equal(await text(path), "two\n");
});

test("a file that was emptied in place is gone on with", async () => {
  const log = await fresh();
  await log.append(Buffer.from("one\n"));
  await truncate(path, 0);
  assert.equal(await log.followRotation(), true);
  await log.append(Buffer.from("two\n"));
  assert.equal(log.mark.size, 4);
  await log.close();
  assert.equal(await text(path), "two\n");
});

test("the name is looked at once a second at most", async () => {
  const log = await LogFile.open(
    () => join(directory, "still-mainlog"),
    undefined,
    () => 5_000,
  );
  await rm(join(directory, "still-mainlog"));
  assert.equal(await log.followRotation(), false);
  await log.close();
});

test("a file that lost its end says so", async () => {
  const log = await fresh();
  await log.append(Buffer.from("one\ntwo\n"));
  const committed = log.mark;
  await log.close();
  await truncate(path, 3);
  const again = await LogFile.open(() => path, committed);
  assert.equal(again.isShorterThan(committed), true);
  await again.close();
});
