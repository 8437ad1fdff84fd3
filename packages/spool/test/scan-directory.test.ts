import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { DeferError } from "@postbus/mail";
import { ScanDirectory, sweepScanDirectories } from "../src/index.ts";

async function newRoot(t: TestContext): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "postbus-scan-"));
  t.after(() => rm(root, { recursive: true, force: true }));
  return root;
}

async function* pieces(...texts: string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text);
}

test("files are written, read from any place, and gone with the message", async (t) => {
  const root = join(await newRoot(t), "scan");
  const scan = new ScanDirectory(root, "1-2-3", 100);
  assert.equal(existsSync(root), false);
  await scan.write("a", pieces("hello ", "world"));
  assert.equal(await readFile(join(scan.path, "a"), "utf8"), "hello world");
  assert.equal(Buffer.concat(await Array.fromAsync(scan.source("a").read(6))).toString(), "world");
  await scan.remove("a");
  await scan.remove("a");
  await scan.clear();
  assert.equal(existsSync(scan.path), false);
});

test("a message takes no more room than it may, all its files together", async (t) => {
  const scan = new ScanDirectory(await newRoot(t), "1-2-3", 10);
  await scan.write("a", pieces("12345"));
  await scan.write("a", pieces("12345"));
  await assert.rejects(scan.write("b", pieces("1")), DeferError);
});

test("what cannot be written is to be tried again later", async (t) => {
  const root = await newRoot(t);
  await writeFile(join(root, "file"), "");
  await assert.rejects(new ScanDirectory(join(root, "file"), "1-2-3", 10).write("a", pieces("1")), DeferError);
});

test("no name leads out of the directory", async (t) => {
  const root = await newRoot(t);
  assert.throws(() => new ScanDirectory(root, "../1", 10));
  const scan = new ScanDirectory(root, "1-2-3", 10);
  for (const name of ["../a", "/etc/passwd", "..", "."]) {
    await assert.rejects(scan.write(name, pieces("1")), /not the name/);
    assert.throws(() => scan.source(name), /not the name/);
  }
});

test("what is old is swept", async (t) => {
  const root = await newRoot(t);
  for (const name of ["old", "new"]) await mkdir(join(root, name));
  await utimes(join(root, "old"), 1, 1);
  await sweepScanDirectories(root, 60_000);
  assert.deepEqual([existsSync(join(root, "old")), existsSync(join(root, "new"))], [false, true]);
  await sweepScanDirectories(join(root, "none"), 60_000);
});
