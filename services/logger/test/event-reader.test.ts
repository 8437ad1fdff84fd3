import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import type { EventLog } from "@postbus/bus";
import { type History, HistoryUnavailableError, openHistory } from "@postbus/history";
import { pino } from "pino";
import { EventReader, type EventReaderDeps } from "../src/event-reader.ts";
import { defaultLine as logLine, settingsIn } from "./default-style.ts";
import { MemoryEventLog } from "./memory-event-log.ts";
import { numberedEvent, numberedEventLog } from "./numbered-events.ts";

let directory: string;
let history: History;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "postbus-logger-"));
  history = await openHistory({ directory });
});
afterEach(async () => {
  await history.close();
  await rm(directory, { recursive: true });
});

const file = (name: string): Promise<string> => readFile(join(directory, "log", name), "latin1");
const events = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => numberedEvent(from + i));
const expected = (total: number) => events(0, total).map(logLine).join("");
const rejectsIn = (log: string) => log.split("\n").filter((line) => line.includes("rejected")).length;

interface Started {
  readonly reader: EventReader;
  /** Resolves when the batch that ends at this position is committed. */
  reached(position: string): Promise<void>;
}

function start(log: EventLog, deps: Partial<EventReaderDeps> = {}): Started {
  const waiting = new Map<string, () => void>();
  const seen = new Set<string>();
  const reader = new EventReader({
    events: log,
    history,
    name: "logger",
    settings: settingsIn(directory),
    log: pino({ level: "silent" }),
    batchIntervalMs: 0,
    ...deps,
    onBatch: (batch) => {
      seen.add(batch.position);
      waiting.get(batch.position)?.();
      deps.onBatch?.(batch);
    },
  });
  return {
    reader,
    reached: (position) =>
      seen.has(position) ? Promise.resolve() : new Promise((resolve) => waiting.set(position, resolve)),
  };
}

test("each event is a line of mainlog, refusals also of rejectlog; paniclog is there and empty", async () => {
  const { reader, reached } = start(numberedEventLog(100));
  await reached("100");
  await reader.stop();
  assert.equal(await file("mainlog"), expected(100));
  assert.equal(rejectsIn(await file("rejectlog")), 33);
  assert.equal(await file("paniclog"), "");
  assert.equal((await history.rejects({ limit: 100 })).rejects.length, 33);
  assert.equal((await stat(join(directory, "log", "mainlog"))).mode & 0o777, 0o640);
});

test("a second start goes on where the first stopped", async () => {
  const log = new MemoryEventLog();
  await log.record(events(0, 10));
  const first = start(log);
  await first.reached("10");
  await first.reader.stop();
  await log.record(events(10, 20));
  const second = start(log);
  await second.reached("20");
  await second.reader.stop();
  assert.equal(await file("mainlog"), expected(20));
});

test("what is in the record when it is stopped is still written", async () => {
  const log = new MemoryEventLog();
  const { reader } = start(log);
  await reader.started;
  await log.record(events(0, 5));
  await reader.stop();
  assert.equal(await file("mainlog"), expected(5));
});

test("a gap in the record is a line of the log", async () => {
  const log = new MemoryEventLog();
  await log.record(events(0, 10));
  const first = start(log);
  await first.reached("10");
  await first.reader.stop();
  await log.record(events(10, 20));
  log.lose(15);
  const second = start(log);
  await second.reached("20");
  await second.reader.stop();
  const lines = (await file("mainlog")).split("\n");
  assert.equal(lines.length, 10 + 1 + 5 + 1);
  assert.match(lines[10] ?? "", /^\S+ \S+ some events could not be read: lines are missing before this one$/);
});

test("a history that is away for a while makes the log late, and nothing is lost or doubled", async () => {
  let failures = 3;
  const flaky = {
    openReader: async (name: string) => {
      const reader = await history.openReader(name);
      return {
        resume: reader.resume,
        append: async (...batch: Parameters<typeof reader.append>) => {
          if (batch[0].length > 0 && failures-- > 0) throw new HistoryUnavailableError("away");
          // The answer is lost, although all is stored: this must not be written a second time either.
          await reader.append(...batch);
          if (failures-- === -5) throw new HistoryUnavailableError("no answer");
        },
      };
    },
  } as History;
  const { reader, reached } = start(numberedEventLog(200), { history: flaky, retryMs: 1 });
  await reader.started;
  await reached("200");
  assert.equal(reader.problem, undefined);
  await reader.stop();
  assert.equal(await file("mainlog"), expected(200));
  assert.equal(rejectsIn(await file("rejectlog")), 66);
});

test("while nothing can be written it says why", async () => {
  const away = { openReader: () => Promise.reject(new HistoryUnavailableError("postgresql: refused")) };
  const { reader } = start(new MemoryEventLog(), { history: away as unknown as History });
  await reader.started;
  assert.equal(reader.problem, "history: postgresql: refused");
  await reader.stop();
});

test("a log directory that is none is a problem, not a crash", async () => {
  await writeFile(join(directory, "log"), "a file is in the way");
  const { reader } = start(new MemoryEventLog());
  await reader.started;
  assert.match(reader.problem ?? "", /EEXIST|ENOTDIR/);
  await reader.stop();
});

test("of two loggers with one name, only the later one goes on", async () => {
  const log = new MemoryEventLog();
  const first = start(log);
  await first.reader.started;
  const second = start(log);
  await second.reader.started;
  await log.record(events(0, 5));
  await second.reached("5");
  await first.reader.stop();
  assert.match(first.reader.problem ?? "", /another process follows/);
  await second.reader.stop();
  assert.deepEqual((await history.rejects({ limit: 10 })).rejects.length, 1);
});

test("lines go to a new file after rotation, each to one of the two", async () => {
  const log = new MemoryEventLog();
  let now = 0;
  const { reader, reached } = start(log, { now: () => (now += 2_000) });
  await log.record(events(0, 5));
  await reached("5");
  await rename(join(directory, "log", "mainlog"), join(directory, "log", "mainlog.1"));
  await log.record(events(5, 10));
  await reached("10");
  await reader.stop();
  assert.equal((await file("mainlog.1")) + (await file("mainlog")), expected(10));
  assert.notEqual(await file("mainlog"), "");
});

describe("kill -9", () => {
  const TOTAL = 2_000;

  /** @returns whether all was written before the end. */
  async function run(point: string, batches: number, killAfterMs?: number): Promise<boolean> {
    const script = join(import.meta.dirname, "programs", "crash-child.ts");
    const child = spawn(process.execPath, [script, directory, String(TOTAL), point, String(batches)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let isDone = false;
    child.stdout.on("data", () => {
      isDone = true;
      child.kill("SIGKILL");
    });
    const timer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), killAfterMs);
    await once(child, "exit");
    clearTimeout(timer);
    return isDone;
  }

  async function assertExact(): Promise<void> {
    assert.equal(await file("mainlog"), expected(TOTAL));
    assert.equal((await file("rejectlog")).split("\n").length - 1, Math.floor(TOTAL / 3));
    const sums = { received: 0, rejected: 0 };
    for (const rate of await history.rates(0)) sums.rejected += rate.rejected;
    assert.equal(sums.rejected, Math.floor(TOTAL / 3));
    for (const number of [0, 1, 300, 1_998]) {
      const event = numberedEvent(number);
      assert.ok("messageId" in event);
      assert.ok((await history.message(event.messageId))?.events.some(({ id }) => id === event.id));
    }
  }

  for (const point of ["before commit", "in commit", "after commit"]) {
    test(`${point}: every event is one line and one row`, async () => {
      for (const batches of [0, 17]) assert.equal(await run(point, batches), false);
      assert.equal(await run("never", 0), true);
      await assertExact();
    });
  }

  test("at any time: every event is one line and one row", async () => {
    let kills = 0;
    // The first runs may end before they have begun; later ones get more time, so that the end is reached on any machine.
    while (!(await run("never", 0, 250 * 1.3 ** kills))) kills++;
    await assertExact();
  });
});
