import assert from "node:assert/strict";
import { appendFile, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { WorkJournal } from "../../src/embedded/work-journal.ts";

async function emptyDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "postbus-journal-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

// Journals of the dead are never closed, and listen on.
process.setMaxListeners(100);

const all = (): boolean => true;
const once = { handedOut: 1, suspicion: 0 };

/** A process that dies is a journal that nobody closes. */
test("an item in work at a death is known afterwards, with every death counted", async (t) => {
  const directory = await emptyDirectory(t);
  const first = new WorkJournal(directory, all);
  first.write(first.handOut("a", once) + first.handOut("b", once));
  const second = new WorkJournal(directory, all);
  assert.deepEqual(second.left("a"), { handedOut: 1, suspicion: 1 });
  second.write(second.handOut("a", { handedOut: 2, suspicion: 1 }));
  const third = new WorkJournal(directory, all);
  assert.deepEqual(third.left("a"), { handedOut: 2, suspicion: 2 });
  assert.deepEqual(third.left("b"), { handedOut: 1, suspicion: 1 });
  assert.equal(third.left("c"), undefined);
});

test("an item that was given back was not in work", async (t) => {
  const directory = await emptyDirectory(t);
  const first = new WorkJournal(directory, all);
  first.write(first.handOut("a", once));
  first.giveBack("a");
  assert.deepEqual(new WorkJournal(directory, all).left("a"), once);
});

test("a crash weighs more than a silent death, and only for what was in work then", async (t) => {
  const directory = await emptyDirectory(t);
  const first = new WorkJournal(directory, all);
  first.write(first.handOut("a", once));
  process.emit("uncaughtExceptionMonitor", new Error("poison"), "uncaughtException");
  first.write(first.handOut("b", once));
  const second = new WorkJournal(directory, all);
  assert.deepEqual(second.left("a"), { handedOut: 1, suspicion: 4 });
  assert.deepEqual(second.left("b"), { handedOut: 1, suspicion: 1 });
});

test("closing is no death", async (t) => {
  const directory = await emptyDirectory(t);
  const first = new WorkJournal(directory, all);
  first.write(first.handOut("a", once));
  first.close();
  assert.deepEqual(new WorkJournal(directory, all).left("a"), once);
});

test("items that are done are forgotten", async (t) => {
  const directory = await emptyDirectory(t);
  const first = new WorkJournal(directory, all);
  first.write(first.handOut("a", once) + first.handOut("b", once));
  const second = new WorkJournal(directory, (id) => id === "b");
  assert.equal(second.left("a"), undefined);
  assert.deepEqual(second.left("b"), { handedOut: 1, suspicion: 1 });
});

test("the file stays small however much work there is, and knows what is in work", async (t) => {
  const directory = await emptyDirectory(t);
  const journal = new WorkJournal(directory, all);
  journal.write(journal.handOut("slow", once));
  for (let i = 0; i < 60_000; i++) {
    journal.write(journal.handOut(`1vMhGf-0000000012a-0Ab3_${i}`, once));
    journal.end(`1vMhGf-0000000012a-0Ab3_${i}`);
  }
  assert.ok((await stat(join(directory, "in-work"))).size < 600_000);
  assert.deepEqual(new WorkJournal(directory, (id) => id === "slow").left("slow"), { handedOut: 1, suspicion: 1 });
});

test("a line that was cut short by the death is none", async (t) => {
  const directory = await emptyDirectory(t);
  const first = new WorkJournal(directory, all);
  first.write(first.handOut("a", once));
  await appendFile(join(directory, "in-work"), "b 1");
  const second = new WorkJournal(directory, all);
  assert.deepEqual(second.left("a"), { handedOut: 1, suspicion: 1 });
  assert.equal(second.left("b"), undefined);
});
