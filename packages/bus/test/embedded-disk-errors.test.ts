import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { diskFault, type FaultyWrites } from "@postbus/testkit";
import { nothingIsLost, runCrashChild } from "./crash-record.ts";

/** Long enough that the tables are written a few times. */
const LIFE_MS = 2_000;
const JOURNAL = ["journal0", "journal1"] as const;

async function emptyDirectory(t: TestContext): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "postbus-errors-"));
  // What writes there is stopped by a later hook.
  t.after(() => rm(root, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }));
  return root;
}

const count = (log: string, word: string): number => log.split("\n").filter((line) => line.startsWith(word)).length;

interface Row extends FaultyWrites {
  readonly name: string;
  /** Whether the process does; undefined: either. */
  readonly lives?: boolean;
}

const rows: readonly Row[] = [
  { name: "some of the journal", files: JOURNAL, kinds: ["pages"], times: 30, lives: true },
  { name: "all of the journal", files: JOURNAL, kinds: ["pages"], lives: true },
  { name: "some syncs of the tables", files: ["tables"], kinds: ["sync"], times: 2, lives: true },
  { name: "all syncs of the tables", files: ["tables"], kinds: ["sync"], lives: true },
  // LMDB writes behind its own memory when it complains: the process may go on or be ended by the C library.
  { name: "some pages of the tables", files: ["tables"], kinds: ["pages"], times: 2 },
  { name: "a root of the tables", files: ["tables"], kinds: ["root"], times: 1, lives: false },
  { name: "everything", files: ["tables", ...JOURNAL], kinds: ["pages", "sync", "root"] },
];

for (const { name, lives, ...fault } of rows) {
  test(`the disk fails at ${name}: nothing acknowledged is lost, nothing is done twice`, async (t) => {
    const root = await emptyDirectory(t);
    const disk = await diskFault(join(root, "bus"), root);
    if (disk === undefined)
      return t.skip("SKIPPED: there is no C compiler (gcc) for the library that makes writes fail");
    t.after(() => disk.close());
    const onReady = (): void => void setTimeout(() => disk.fail(fault), 300);
    const { code, signal, errors } = await runCrashChild(root, {
      publishers: 20,
      lifeMs: LIFE_MS,
      env: disk.env,
      onReady,
    });
    disk.fail();
    const log = await readFile(join(root, "log"), "latin1");
    t.diagnostic(`${code ?? signal}, ${count(log, "ack")} acknowledged, ${count(log, "refused")} refused`);
    if (lives === true) assert.equal(signal, "SIGKILL", errors);
    if (lives === false) {
      // By itself, and for that reason; whoever reads first may be the one to find out.
      assert.equal(signal, null);
      assert.notEqual(code, 0);
      assert.match(errors, /MDB_PANIC/);
    }
    assert.ok((await nothingIsLost(t, root)) > 0);
  });
}
