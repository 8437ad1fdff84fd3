import assert from "node:assert/strict";
import { appendFile, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
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
/** As another program writes it. */
const OTHER = "job 0-1\nreporter other.test\nreceived 1\naction 2\n";
const [first, second, third] = [checkedMessage(1), checkedMessage(2), checkedMessage(3)];

test("a check is in the history file and in no log", async () => {
  const files = await open();
  await files.write([first, second], false);
  await files.close();
  assert.equal(await readFile(path, "latin1"), blocks(first, second));
  assert.equal(await readFile(join(directory, "log", "mainlog"), "latin1"), "");
});

describe("what was written and not committed", () => {
  /** What a crash, and others who write, have left behind the committed block. */
  const rows: readonly (readonly [name: string, left: string, after: string])[] = [
    ["is not written again", blocks(second), blocks(second, third)],
    ["is written, if it was not", "", blocks(second, third)],
    ["is continued where it was cut short", blocks(second).slice(0, 40), blocks(second, third)],
    ["is written whole if others have gone on behind it", `${blocks(second).slice(0, 40)}\n${OTHER}`, ""],
    ["stands among what others have written", OTHER + blocks(second) + OTHER, ""],
    ["begins a line of its own behind half a block of others", "job half a blo", "job half a blo\n"],
  ];
  for (const [name, left, after] of rows) {
    test(name, async () => {
      const files = await open();
      await files.write([first], false);
      const { note } = files;
      await appendFile(path, left);
      // Killed here; the events behind the committed place come again.
      await files.close();
      const again = await open(note);
      await again.write([second], false);
      await again.write([third], false);
      await again.close();
      const found = await readFile(path, "latin1");
      const rest = after === "" ? left : after;
      assert.ok(found.startsWith(blocks(first) + rest), "nothing of others is cut");
      for (const each of [first, second, third]) assert.equal(found.split(blocks(each)).length, 2, each.messageId);
    });
  }

  test("is found in the file that it was taken away to", async () => {
    const files = await open();
    await files.write([first], false);
    const { note } = files;
    await files.write([second], false);
    await files.close();
    await rename(path, `${path}.1`);
    const again = await open(note);
    await again.write([second, third], false);
    await again.close();
    assert.equal(await readFile(`${path}.1`, "latin1"), blocks(first, second));
    assert.equal(await readFile(path, "latin1"), blocks(third));
  });
});

test("two loggers that write one file: each block is in it once, however they and their deaths are mixed", async () => {
  const checks = Array.from({ length: 60 }, (_, n) => checkedMessage(n));
  const own = (name: string) => (): LogSettings => ({
    ...settingsIn(join(directory, name))(),
    dmarcHistory: { path, reporter: "mx.test" },
  });
  const run = async (name: string, step: number, diesEvery: number): Promise<void> => {
    let files = await open(undefined, own(name));
    let { note } = files;
    let deaths = 0;
    for (let at = 0; at < checks.length; ) {
      await files.write(checks.slice(at, at + step), false);
      if (at % diesEvery === 0 && deaths++ < 10) {
        await files.close(); // Nothing is committed.
        files = await open(note, own(name));
        continue;
      }
      ({ note } = files);
      at += step;
      deaths = 0;
    }
    await files.close();
  };
  await Promise.all([run("a", 3, 9), run("b", 5, 10), run("late", 20, 1_000)]);
  const jobs = [...(await readFile(path, "latin1")).matchAll(/^job (.*)$/gm)].map(([, id]) => id);
  assert.deepEqual(jobs.toSorted(), checks.map(({ messageId }) => messageId).toSorted());
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
