import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Draft } from "../../src/embedded/draft.ts";
import { EmbeddedEventLog } from "../../src/embedded/event-log.ts";
import type { Change } from "../../src/embedded/group-commit.ts";
import type { Store } from "../../src/embedded/store.ts";
import type { EventBatch } from "../../src/index.ts";
import { eventually, noted, textsOf } from "../contract-items.ts";
import { openStore } from "./open-store.ts";

const HOUR_MS = 3600_000;

/** A log with a clock of its own and a commit for every change. */
class Fixture {
  now = Date.parse("2026-11-21T00:00:00Z");
  readonly store: Store;
  readonly log: EmbeddedEventLog;

  constructor(directory: string) {
    this.store = openStore(directory);
    const limits = { maxAgeMs: HOUR_MS, maxEvents: 10 };
    this.log = new EmbeddedEventLog(
      this.store.tables.events,
      this.store.id,
      () => this.now,
      limits,
      (change) => {
        void this.commit(change);
      },
    );
  }

  async commit(change: Change): Promise<void> {
    const draft = new Draft();
    change.apply(draft);
    this.log.addTo(draft);
    await this.store.batch(() => draft.write());
    this.log.committed(draft);
    change.committed();
  }

  /** Events `from` up to but not including `to`, two in a commit. */
  async raise(from: number, to: number): Promise<void> {
    for (let i = from; i < to; i += 2) {
      const apply = (draft: Draft): void => {
        draft.events.push(noted("m", `${i}`), noted("m", `${i + 1}`));
      };
      await this.commit({ mustSucceed: false, apply, committed: () => {}, failed: () => {} });
    }
  }

  async trim(): Promise<void> {
    const change = this.log.trim(() => {});
    if (change !== undefined) await this.commit(change);
  }

  async firstBatch(after?: string): Promise<EventBatch> {
    const batches: EventBatch[] = [];
    const options = { batch: 1, ...(after === undefined ? {} : { after }) };
    const subscription = await this.log.follow(options, async (batch) => {
      batches.push(batch);
    });
    await eventually(() => assert.ok(batches.length > 0));
    await subscription.drain();
    return batches[0] as EventBatch;
  }
}

async function open(t: TestContext): Promise<Fixture> {
  const directory = await mkdtemp(join(tmpdir(), "postbus-events-"));
  const fixture = new Fixture(directory);
  t.after(async () => {
    await fixture.store.close();
    await rm(directory, { recursive: true, force: true });
  });
  return fixture;
}

const summary = ({ events, gap }: EventBatch): unknown => ({ texts: textsOf(events, "m"), gap });

test("more than the bound are forgotten, oldest first; who has not read them learns of the gap", async (t) => {
  const fixture = await open(t);
  await fixture.raise(0, 4);
  const { position } = await fixture.firstBatch();
  await fixture.raise(4, 20);
  await fixture.trim();
  assert.deepEqual(summary(await fixture.firstBatch(position)), { texts: ["10", "11"], gap: true });
  assert.deepEqual(summary(await fixture.firstBatch()), { texts: ["10", "11"], gap: false });
});

test("a position right before what is kept is no gap", async (t) => {
  const fixture = await open(t);
  await fixture.raise(0, 10);
  await fixture.raise(10, 20);
  await fixture.trim();
  const before = `${fixture.store.id}:10`;
  assert.deepEqual(summary(await fixture.firstBatch(before)), { texts: ["10", "11"], gap: false });
});

test("what is old is forgotten, but the newest commit is kept: positions count on from it", async (t) => {
  const fixture = await open(t);
  await fixture.raise(0, 4);
  fixture.now += 2 * HOUR_MS;
  await fixture.trim();
  assert.deepEqual(summary(await fixture.firstBatch()), { texts: ["2", "3"], gap: false });
  await fixture.raise(4, 6);
  assert.deepEqual(summary(await fixture.firstBatch(`${fixture.store.id}:4`)), { texts: ["4", "5"], gap: false });
});

for (const [name, position] of [
  ["of another file", "abcdef:2"],
  ["ahead of the log, since a backup was restored", "ahead"],
  ["that makes no sense", "what?"],
] as const) {
  test(`a position ${name}: everything again, and a gap`, async (t) => {
    const fixture = await open(t);
    await fixture.raise(0, 4);
    const after = position === "ahead" ? `${fixture.store.id}:99` : position;
    assert.deepEqual(summary(await fixture.firstBatch(after)), { texts: ["0", "1"], gap: true });
  });
}

test("a follower in the middle of a commit's events gets the rest of them", async (t) => {
  const fixture = await open(t);
  await fixture.raise(0, 4);
  assert.deepEqual(summary(await fixture.firstBatch(`${fixture.store.id}:1`)), { texts: ["1"], gap: false });
});
