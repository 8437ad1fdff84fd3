import assert from "node:assert/strict";
import { test } from "node:test";
import type { Draft } from "../../src/embedded/draft.ts";
import { type Change, GroupCommit } from "../../src/embedded/group-commit.ts";
import { BusFullError, BusUnavailableError } from "../../src/index.ts";
import { noted } from "../contract-items.ts";

/** Stands for the file: remembers what was written in which commit, and fails when it is told to. */
class Disk {
  readonly commits: string[][] = [];
  fails: (texts: readonly string[]) => Error | undefined = () => undefined;
  refusal: Error | undefined;
  #texts: string[] = [];

  readonly addEvents = (draft: Draft): void => {
    this.#texts = draft.events.map((event) => (event.name === "msg:note" ? event.text : event.name));
  };

  readonly batch = async (): Promise<void> => {
    const texts = this.#texts;
    await new Promise(setImmediate);
    const err = this.fails(texts);
    if (err !== undefined) throw err;
    this.commits.push(texts);
  };
}

function groupCommit(disk: Disk): GroupCommit {
  const explain = async (err: unknown): Promise<Error> => (err instanceof Error ? err : new Error(String(err)));
  return new GroupCommit({
    batch: disk.batch,
    addEvents: disk.addEvents,
    afterCommit: () => {},
    explain,
    refusal: () => disk.refusal,
  });
}

/** A change that writes a word. */
function write(commits: GroupCommit, text: string, more: Partial<Change> = {}): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  commits.commit({
    mustSucceed: false,
    apply: (draft) => {
      draft.events.push(noted("m", text));
    },
    committed: resolve,
    failed: reject,
    ...more,
  });
  return promise;
}

test("what comes together, and what comes while a commit runs, shares a commit", async () => {
  const disk = new Disk();
  const commits = groupCommit(disk);
  const first = ["a", "b", "c"].map((text) => write(commits, text));
  // In time for the second commit, while the first runs.
  const second = first.map((promise, i) => promise.then(() => write(commits, `${i}`)));
  await Promise.all([...first, ...second]);
  assert.deepEqual(disk.commits, [
    ["a", "b", "c"],
    ["0", "1", "2"],
  ]);
});

test("a change that cannot be made does not take the others with it", async () => {
  const disk = new Disk();
  const commits = groupCommit(disk);
  const bad = write(commits, "bad", {
    apply: () => {
      throw new Error("this one");
    },
  });
  const results = await Promise.allSettled([write(commits, "a"), bad, write(commits, "b")]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ["fulfilled", "rejected", "fulfilled"],
  );
  assert.deepEqual(disk.commits, [["a"], ["b"]]);
});

test("on a full disk new things are refused, and the end of work is tried again until there is room", async () => {
  const disk = new Disk();
  const commits = groupCommit(disk);
  let refusals = 0;
  disk.fails = () => (++refusals <= 1 ? new BusFullError("no room") : undefined);
  const [published, ended] = await Promise.allSettled([
    write(commits, "publication"),
    write(commits, "end", { mustSucceed: true }),
  ]);
  assert.equal(published.status, "rejected");
  assert.ok(published.status === "rejected" && published.reason instanceof BusFullError);
  assert.equal(ended.status, "fulfilled");
  assert.deepEqual(disk.commits, [["end"]]);
});

test("closing lets what was begun finish and refuses the rest", async () => {
  const disk = new Disk();
  const commits = groupCommit(disk);
  const begun = write(commits, "begun");
  const closed = commits.close();
  await assert.rejects(write(commits, "late"), BusUnavailableError);
  await Promise.all([begun, closed]);
  assert.deepEqual(disk.commits, [["begun"]]);
});

test("closing gives up on the end of work that finds no room: its item is handed out again by a later process", async () => {
  const disk = new Disk();
  const commits = groupCommit(disk);
  disk.fails = () => new BusFullError("no room");
  const ended = write(commits, "end", { mustSucceed: true });
  await assert.rejects(write(commits, "publication"), BusFullError);
  await commits.close();
  await assert.rejects(ended, BusUnavailableError);
});

test("while the storage has room for ends only, what is new is refused and the rest is committed", async () => {
  const disk = new Disk();
  const commits = groupCommit(disk);
  disk.refusal = new BusFullError("half full");
  await assert.rejects(write(commits, "new", { isNew: true }), /half full/);
  await write(commits, "end");
  disk.refusal = undefined;
  await write(commits, "new again", { isNew: true });
  assert.deepEqual(disk.commits, [["end"], ["new again"]]);
});
