import assert from "node:assert/strict";
import { appendFile, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import type { DmarcChecked } from "@postbus/contracts";
import { historyBlock } from "../../src/dmarc/history-block.ts";
import { LogDirectory } from "../../src/log-directory.ts";
import type { LogSettings } from "../../src/log-settings.ts";
import { settingsIn } from "../default-style.ts";
import { checkedMessage } from "./checked-message.ts";

let directory: string;
let path: string;
let now = 0;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "postbus-dmarc-"));
  path = join(directory, "dmarc", "history.dat");
});
afterEach(() => rm(directory, { recursive: true }));

const open = (note?: string, settings: () => LogSettings = withHistory) => LogDirectory.open(settings, note, () => now);
const withHistory = (): LogSettings => ({
  ...settingsIn(directory)(),
  dmarcHistory: { path, reporter: "mx.test" },
});
const blocks = (...events: readonly DmarcChecked[]): string =>
  events.map((each) => historyBlock(each, "mx.test")).join("");
const [first, second, third] = [checkedMessage(1), checkedMessage(2), checkedMessage(3)];

test("a check is in the history file and in no log", async () => {
  const files = await open();
  await files.write([first, second], false);
  await files.close();
  assert.equal(await readFile(path, "latin1"), blocks(first, second));
  assert.equal(await readFile(join(directory, "log", "mainlog"), "latin1"), "");
});

test("what was written and not committed is written again, once", async () => {
  const files = await open();
  await files.write([first], false);
  const { note } = files;
  await files.write([second], false);
  await appendFile(path, "job half a blo");
  // Killed here; the events behind the committed place come again.
  await files.close();
  const again = await open(note);
  assert.equal(await readFile(path, "latin1"), blocks(first));
  await again.write([second, third], false);
  await again.close();
  assert.equal(await readFile(path, "latin1"), blocks(first, second, third));
});

test("who takes the file away to import it finds all blocks, and the next are in a new one", async () => {
  const files = await open();
  await files.write([first], false);
  await rename(path, `${path}.1`);
  now += 2_000;
  assert.equal(await files.followRotation(), true);
  await files.write([second], false);
  await files.close();
  assert.equal(await readFile(`${path}.1`, "latin1"), blocks(first));
  assert.equal(await readFile(path, "latin1"), blocks(second));
});

test("a policy gets a history file, names another one, and has none any more", async () => {
  let settings: LogSettings = settingsIn(directory)();
  const files = await open(undefined, () => settings);
  await files.write([first], false);
  settings = withHistory();
  now += 2_000;
  assert.equal(await files.followRotation(), true);
  await files.write([second], false);
  const other = join(directory, "other");
  settings = { ...settings, dmarcHistory: { path: other, reporter: "mx.test" } };
  now += 2_000;
  assert.equal(await files.followRotation(), true);
  await files.write([third], false);
  settings = settingsIn(directory)();
  now += 2_000;
  assert.equal(await files.followRotation(), true);
  await files.write([first], false);
  await files.close();
  assert.deepEqual([await readFile(path, "latin1"), await readFile(other, "latin1")], [blocks(second), blocks(third)]);
});
