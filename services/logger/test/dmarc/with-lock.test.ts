import assert from "node:assert/strict";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { withLock } from "../../src/dmarc/with-lock.ts";

test("one after the other has it, also after one that failed; who died with it keeps it for a while", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "postbus-lock-"));
  t.after(() => rm(directory, { recursive: true }));
  const path = join(directory, "lock");
  await writeFile(path, "");
  let running = 0;
  const ended: number[] = [];
  const work = (number: number) =>
    withLock(
      path,
      async () => {
        running += 1;
        assert.equal(running, 1);
        await delay(5);
        running -= 1;
        ended.push(number);
        if (number === 3) throw new Error("full");
      },
      // Far longer than one has it.
      2_000,
    ).catch((err: Error) => assert.equal(err.message, "full"));
  await Promise.all(Array.from({ length: 8 }, (_, number) => work(number)));
  assert.deepEqual(ended.toSorted(), [0, 1, 2, 3, 4, 5, 6, 7]);
  await assert.rejects(stat(path), /ENOENT/);
});
