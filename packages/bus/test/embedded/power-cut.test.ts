import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type DiskStep, diskFault, diskFiles, readDiskSteps } from "@postbus/testkit";
import { openStore } from "./open-store.ts";
import { randomOf, summary } from "./random-changes.ts";

/** For a run of some minutes: so many power failures, with random numbers of this seed. */
const CUTS = Number(process.env["POSTBUS_POWER_CUTS"] ?? 25);
const SEED = Number(process.env["POSTBUS_POWER_SEED"] ?? 1);
/** Processes, each of which is killed, so that the next one goes on with what it has left. */
const PROCESSES = 3;
const SECTOR = 512;
const SOON = 30;
const NAMES = {
  [diskFiles.tables]: "tables.mdb",
  [diskFiles.journal0]: "journal-0",
  [diskFiles.journal1]: "journal-1",
};

type State = readonly (readonly [key: string, value: string])[];

/** A file as a process sees it, and what of it is not on stable storage yet. */
class CrashedFile {
  #octets: Buffer;
  #length: number;
  /** In order; those that are durable say so. */
  #writes: { readonly at: number; readonly octets: Buffer; isDurable: boolean }[] = [];
  #synced = 0;

  constructor(octets: Buffer) {
    this.#octets = Buffer.concat([octets, Buffer.alloc(1024 * 1024)]);
    this.#length = octets.length;
  }

  apply({ what, at, octets }: DiskStep): void {
    if (what === "W") this.#writes.push({ at, octets, isDurable: false });
    if (what === "D") for (const write of this.#writes) if (write.at === at) write.isDurable = true;
    if (what === "S") this.#synced = this.#writes.length;
    if (what === "E") for (const write of this.#writes.slice(0, this.#synced)) write.isDurable = true;
    // What nothing can undo any more need not be kept.
    while (this.#writes[0]?.isDurable === true) {
      const write = this.#writes.shift();
      if (write !== undefined) this.#put(write.at, write.octets);
      this.#synced--;
    }
  }

  /** As a disk may have it: of what was not synced some sectors, in whatever order they were written. */
  afterPowerCut(random: () => number): Buffer {
    const copy = new CrashedFile(this.#octets.subarray(0, this.#length));
    const share = random();
    for (const { at, octets, isDurable } of this.#writes) {
      for (let from = 0; from < octets.length; from += SECTOR) {
        if (isDurable || random() < share) copy.#put(at + from, octets.subarray(from, from + SECTOR));
      }
    }
    return copy.#octets.subarray(0, copy.#length);
  }

  #put(at: number, octets: Buffer): void {
    const end = at + octets.length;
    if (end > this.#octets.length) this.#octets = Buffer.concat([this.#octets, Buffer.alloc(end)]);
    octets.copy(this.#octets, at);
    this.#length = Math.max(this.#length, end);
  }
}

/** What may be found after the notes so far. */
class Expected {
  rows: State = [];
  /** Begun, and not said to be done. */
  doubtful: State | undefined;

  read(line: string): void {
    const note = JSON.parse(line) as "done" | { readonly found?: State; readonly begun?: State };
    if (note === "done") {
      this.rows = this.doubtful ?? this.rows;
      this.doubtful = undefined;
    } else if (note.begun !== undefined) this.doubtful = note.begun;
    else if (note.found !== undefined) {
      this.check(note.found, "found by the next process");
      // What it has found, it builds on: from then on it must be there. A write that was recorded and never made is none.
      if (JSON.stringify(note.found) !== JSON.stringify(this.rows)) this.doubtful = undefined;
      this.rows = note.found;
    }
  }

  check(found: State, when: string): void {
    if (this.doubtful !== undefined && JSON.stringify(found) === JSON.stringify(this.doubtful)) return;
    assert.deepEqual(found, this.rows, when);
  }
}

function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "postbus-power-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** As if the process had been killed while it waited for the last root of the tables to be on stable storage. */
function withUnsyncedRoot(steps: readonly DiskStep[]): DiskStep[] {
  const root = steps.findLastIndex(({ file, what }) => file === diskFiles.tables && what === "W");
  return steps.filter(({ file, what }, n) => n <= root || file !== diskFiles.tables || what === "W");
}

async function stepsOf(directory: string, notes: string, when: readonly "settled"[]): Promise<DiskStep[] | undefined> {
  const steps: DiskStep[] = [];
  for (let n = 0; n < PROCESSES; n++) {
    const trace = join(notes, `trace-${n}`);
    const fault = await diskFault(directory, notes, trace);
    if (fault === undefined) return undefined;
    const child: ChildProcess = spawn(
      process.execPath,
      [join(import.meta.dirname, "store-child.ts"), directory, String(SEED * 100 + n), ...when],
      { env: { ...process.env, ...fault.env }, stdio: ["ignore", "ignore", "inherit"] },
    );
    const [, signal] = await once(child, "exit");
    fault.close();
    assert.equal(signal, "SIGKILL");
    const own = readDiskSteps(trace);
    steps.push(...(when.length === 0 ? own : withUnsyncedRoot(own)));
  }
  return steps;
}

test("a power failure at any moment leaves what was acknowledged, and nothing that is half done", (t) =>
  survives(t, []));

test("and where the process before was killed while a root of the tables was on its way", (t) =>
  survives(t, ["settled"]));

async function survives(t: TestContext, when: readonly "settled"[]): Promise<void> {
  const root = temporary(t);
  const directory = join(root, "bus");
  mkdirSync(directory);
  await openStore(directory).close();
  const before = join(root, "before");
  cpSync(directory, before, { recursive: true });
  const steps = await stepsOf(directory, root, when);
  if (steps === undefined) return t.skip("SKIPPED: there is no C compiler (gcc) for the library that records writes");
  const random = randomOf(SEED);
  const cuts = cutsOf(steps, random);
  const files = new Map(
    Object.entries(NAMES).map(([file, name]) => [Number(file), new CrashedFile(readFileSync(join(before, name)))]),
  );
  const expected = new Expected();
  let done = 0;
  for (const cut of cuts) {
    for (const step of steps.slice(done, cut)) {
      files.get(step.file)?.apply(step);
      if (step.file === diskFiles.notes && step.what === "W") expected.read(step.octets.toString());
    }
    done = cut;
    const image = join(root, "image");
    mkdirSync(image);
    for (const [file, crashed] of files) {
      writeFileSync(join(image, NAMES[file as keyof typeof NAMES]), crashed.afterPowerCut(random));
    }
    expected.check(await rowsOf(image), `power failure behind step ${cut} of ${steps.length}, seed ${SEED}`);
    rmSync(image, { recursive: true });
  }
  const synced = steps.filter(({ file, what }) => file === diskFiles.tables && what === "E").length;
  t.diagnostic(`${steps.length} writes and syncs, ${synced} syncs of the tables, ${CUTS} power failures`);
  assert.ok(synced > PROCESSES, "the tables were not written");
  assert.ok(existsSync(join(directory, "journal-0")));
}

/** Every second one shortly after a process has begun, with what the one before had under way when it was killed. */
function cutsOf(steps: readonly DiskStep[], random: () => number): number[] {
  const beginnings = [...steps.keys()].filter((n) => steps[n]?.octets.toString("latin1", 0, 9) === '{"found":');
  const cuts = Array.from({ length: CUTS }, (_, n) => {
    const from = n % 2 === 0 ? 0 : (beginnings[Math.floor(random() * beginnings.length)] ?? 0);
    return from + 1 + Math.floor(random() * Math.min(steps.length - from, n % 2 === 0 ? steps.length : SOON));
  });
  return cuts.sort((a, b) => a - b);
}

/** What a process finds, and once more what the next one finds when it has all been settled. */
async function rowsOf(directory: string): Promise<State> {
  const read = async (): Promise<State> => {
    const store = openStore(directory);
    const rows = Array.from(store.tables.content.rows({ start: "" }), ({ key, value }): [string, string] => [
      key,
      summary(value.toString("latin1")),
    ]);
    assert.equal(store.tables.content.count, rows.length);
    assert.deepEqual(await store.close(), { isSettled: true, isReleased: true });
    return rows;
  };
  const rows = await read();
  assert.deepEqual(await read(), rows);
  return rows;
}
