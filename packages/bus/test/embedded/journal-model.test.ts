import assert from "node:assert/strict";
import fs, { cpSync, mkdtempSync, readlinkSync, rmSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Room } from "../../src/embedded/room.ts";
import type { Store } from "../../src/embedded/store.ts";
import { TablesFile } from "../../src/embedded/tables-file.ts";
import { openStore } from "./open-store.ts";
import { type Changes, changed, type Rows, randomChanges, randomOf, sorted, summary } from "./random-changes.ts";

/** For a run of some minutes: so many histories, from this seed on. */
const HISTORIES = Number(process.env["POSTBUS_JOURNAL_HISTORIES"] ?? 2);
const FIRST_SEED = Number(process.env["POSTBUS_JOURNAL_SEED"] ?? 1);
const STEPS = 40;
const SECTOR = 512;

/** What the disk does to the next writes. */
interface Disk {
  /** Of a record of the journal: how it fails, if it does. */
  journal: () => "fine" | "nothing" | "part" | "whole" | "held";
  /** Whether a transaction of the tables' file fails, nothing of it being written. */
  file: () => "fine" | "nothing";
  /** Octets that are free: with few, the tables' file is written in steps, of which each may fail. */
  room: () => number;
  /** A write that was held: nothing of it is there. */
  held: (path: string, octets: Buffer, at: number, fail: () => void) => void;
}

const fine: Disk = { journal: () => "fine", file: () => "fine", room: () => 1e12, held: () => {} };
let disk = fine;

/** Stands between the store and the disk, for this file's process. */
function standBetween(): () => void {
  const { write } = fs;
  const failure = (code: string): Error => Object.assign(new Error(`${code}: of the test`), { code, errno: -5 });
  const between = (fd: number, octets: Buffer, from: number, length: number, at: number, done: Done): void => {
    const path = readlinkSync(`/proc/self/fd/${fd}`);
    const what = /journal-[01]$/.test(path) ? disk.journal() : "fine";
    if (what === "fine") write(fd, octets, from, length, at, done);
    else if (what === "nothing") setImmediate(done, failure("EIO"), 0);
    else if (what === "whole") write(fd, octets, from, length, at, () => done(failure("EIO"), 0));
    else if (what === "part") write(fd, octets, from, length >> 1, at, () => done(failure("ENOSPC"), 0));
    else disk.held(path, octets.subarray(from, from + length), at, () => done(failure("EIO"), 0));
  };
  fs.write = between as typeof write;
  syncBuiltinESMExports();
  const { transaction } = TablesFile.prototype;
  TablesFile.prototype.transaction = async function (this: TablesFile, changes: () => void) {
    if (disk.file() === "nothing") throw failure("EIO");
    return transaction.call(this, changes);
  };
  const { look } = Room.prototype;
  Room.prototype.look = async () => disk.room();
  return () => {
    fs.write = write;
    syncBuiltinESMExports();
    TablesFile.prototype.transaction = transaction;
    Room.prototype.look = look;
  };
}

type Done = (err: Error | null, written: number) => void;

const read = ({ tables }: Store): [string, string][] =>
  Array.from(tables.content.rows({ start: "" }), ({ key, value }) => [key, summary(value.toString("latin1"))]);
/** One store, its kills and its bad luck, beside a map. */
class History {
  readonly #random: () => number;
  readonly #directories: string[] = [];
  #at: string;
  #store: Store;
  /** What was acknowledged. */
  #rows: Rows = new Map();
  /** Rejected since; each of them may come back with the next process. */
  #doubtful: Rows[] = [];
  #batches = 0;

  constructor(seed: number) {
    this.#random = randomOf(seed);
    this.#at = this.#directory();
    this.#store = openStore(this.#at);
  }

  async step(): Promise<void> {
    disk = this.#chance(0.2) ? this.#unlucky() : fine;
    const what = this.#random();
    if (what < 0.08) await this.#killWhileWriting();
    else if (what < 0.14) await this.#killed();
    else if (what < 0.17) await this.#reopened();
    else await this.#commit();
    disk = fine;
    this.#compare();
  }

  async end(): Promise<void> {
    await this.#store.close();
    for (const directory of this.#directories) rmSync(directory, { recursive: true, force: true });
  }

  #directory(): string {
    const directory = mkdtempSync(join(tmpdir(), "postbus-model-"));
    this.#directories.push(directory);
    return directory;
  }

  #chance(of: number): boolean {
    return this.#random() < of;
  }

  #unlucky(): Disk {
    const ways = ["fine", "nothing", "part", "whole"] as const;
    return {
      ...fine,
      journal: () => ways[Math.floor(this.#random() * ways.length)] ?? "fine",
      file: () => (this.#chance(0.5) ? "nothing" : "fine"),
      room: () => this.#random() * 4_000_000,
    };
  }

  #changes(): Changes {
    return randomChanges(this.#random, `${this.#batches++}.`);
  }

  async #commit(changes = this.#changes()): Promise<void> {
    const next = changed(this.#rows, changes);
    try {
      await this.#store.batch(() => {
        for (const [key, value] of changes) this.#store.tables.content.write(key, value);
      });
      this.#rows = next;
      this.#doubtful = [];
    } catch (err) {
      assert.match(String(err), /of the test|ENOSPC/);
      this.#doubtful.push(next);
    }
  }

  #compare(): void {
    const want = sorted(this.#rows);
    assert.deepEqual(read(this.#store), want);
    const start = `key-${Math.floor(this.#random() * 30)}`;
    const limit = Math.floor(this.#random() * 5);
    const some = want.map(([key]) => key).filter((key) => key >= start);
    assert.deepEqual([...this.#store.tables.content.keys({ start, limit })], some.slice(0, limit));
    assert.equal(this.#store.tables.content.lastKey(), want.at(-1)?.[0]);
  }

  /** As a power failure leaves it, some sectors of the last record being there and others not. */
  async #killWhileWriting(): Promise<void> {
    const killed = Promise.withResolvers<string | undefined>();
    disk = {
      ...fine,
      journal: () => "held",
      held: (path, octets, at, fail) => {
        const copy = this.#copied();
        const how = this.#random();
        const file = fs.openSync(join(copy, path.slice(-"journal-0".length)), "r+");
        for (let from = 0; from < octets.length; from += SECTOR) {
          if (how > 0.3 && this.#chance(how)) continue;
          fs.writeSync(file, octets, from, Math.min(SECTOR, octets.length - from), at + from);
        }
        fs.closeSync(file);
        killed.resolve(copy);
        disk = { ...fine, file: () => "nothing" };
        fail();
      },
    };
    const changes = this.#changes();
    const before = { rows: this.#rows, doubtful: this.#doubtful };
    const committed = this.#commit(changes).then(() => killed.resolve(undefined));
    const copy = await killed.promise;
    await committed;
    // Larger than the journal: it went another way, and was acknowledged.
    if (copy === undefined) return;
    this.#rows = before.rows;
    this.#doubtful = [...before.doubtful, changed(before.rows, changes)];
    await this.#goOnIn(copy);
  }

  async #killed(): Promise<void> {
    await this.#goOnIn(this.#copied());
  }

  #copied(): string {
    const copy = this.#directory();
    cpSync(this.#at, copy, { recursive: true, filter: (path) => !path.endsWith("-lock") });
    return copy;
  }

  async #reopened(): Promise<void> {
    await this.#store.close();
    disk = fine;
    this.#begin(this.#at);
  }

  async #goOnIn(copy: string): Promise<void> {
    disk = fine;
    await this.#store.close();
    this.#begin(copy);
  }

  #begin(directory: string): void {
    for (const old of this.#directories.splice(0)) {
      if (old === directory) this.#directories.push(old);
      else rmSync(old, { recursive: true, force: true });
    }
    this.#at = directory;
    this.#store = openStore(directory);
    const found = read(this.#store);
    const allowed = [this.#rows, ...this.#doubtful].map(sorted);
    const which = allowed.find((rows) => JSON.stringify(rows) === JSON.stringify(found));
    if (which === undefined) assert.deepEqual(found, allowed[0]);
    this.#rows = new Map(which);
    this.#doubtful = [];
    assert.equal(this.#store.tables.content.count, this.#rows.size);
  }
}

test("whatever the disk does and whenever the process ends, what was acknowledged is there, in order", async (t) => {
  t.after(standBetween());
  for (let seed = FIRST_SEED; seed < FIRST_SEED + HISTORIES; seed++) {
    const history = new History(seed);
    try {
      for (let n = 0; n < STEPS; n++) await history.step();
    } catch (err) {
      throw new Error(`seed ${seed}`, { cause: err });
    } finally {
      disk = fine;
      await history.end();
    }
  }
});
