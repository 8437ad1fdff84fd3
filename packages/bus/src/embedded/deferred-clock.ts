import type { Queue } from "../bus.ts";
import type { Draft } from "./draft.ts";
import type { Change } from "./group-commit.ts";
import { dueKey } from "./items.ts";
import { parseItem, queueOf, type StoredItem, spooledContent } from "./stored-item.ts";
import type { Tables } from "./tables.ts";
import { WorkEntry } from "./work-entry.ts";

/** Items that become ready in one commit: so few that what else the process does waits for a few milliseconds only. */
const BATCH = 64;
/** Due items wait as long as so many are ready: what comes back in a crowd must not stand before new mail. */
const READY_ENOUGH = 2_000;
const LOOK_AGAIN_MS = 200;
/** The longest sleep: a wall clock that was set is noticed after that time. */
const MAX_SLEEP_MS = 30_000;

export interface DeferredClockDeps {
  readonly commit: (change: Change) => void;
  readonly admit: (queue: Queue, entry: WorkEntry) => void;
  readonly now: () => number;
}

/** Makes deferred items ready when their time has come. One timer for all of them: for the earliest. */
export class DeferredClock {
  readonly #tables: Tables;
  readonly #deps: DeferredClockDeps;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer goes off, by the wall clock. */
  #wakesAtMs = Number.POSITIVE_INFINITY;
  #isMoving = false;
  #isClosed = false;

  constructor(tables: Tables, deps: DeferredClockDeps) {
    this.#tables = tables;
    this.#deps = deps;
  }

  start(): void {
    this.#look();
  }

  /** An item was stored that is due then. */
  note(notBeforeMs: number): void {
    if (notBeforeMs < this.#wakesAtMs) this.#sleepUntil(notBeforeMs);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #look(): void {
    this.#wakesAtMs = Number.POSITIVE_INFINITY;
    if (this.#isMoving || this.#isClosed) return;
    const [first] = this.#tables.due.keys({ start: "", limit: 1 });
    if (first === undefined) return;
    const now = this.#deps.now();
    const dueAtMs = Number(first.slice(0, first.indexOf("/")));
    const { route, deliver } = this.#tables.ready;
    if (dueAtMs > now) this.#sleepUntil(dueAtMs);
    else if (route.count + deliver.count >= READY_ENOUGH) this.#sleepUntil(now + LOOK_AGAIN_MS);
    else this.#move(now);
  }

  #move(now: number): void {
    this.#isMoving = true;
    const moved = (failed: boolean): void => {
      this.#isMoving = false;
      if (failed) this.#sleepUntil(this.#deps.now() + LOOK_AGAIN_MS);
      else this.#look();
    };
    this.#deps.commit(new DueChange(this.#tables, now, this.#deps.admit, moved));
  }

  #sleepUntil(atMs: number): void {
    if (this.#isClosed) return;
    clearTimeout(this.#timer);
    this.#wakesAtMs = atMs;
    const sleepMs = Math.min(Math.max(atMs - this.#deps.now(), 1), MAX_SLEEP_MS);
    this.#timer = setTimeout(() => this.#look(), sleepMs);
  }
}

/** The items that are due go from deferred to ready, as they are. */
class DueChange implements Change {
  readonly mustSucceed = false;
  readonly #tables: Tables;
  readonly #now: number;
  readonly #admit: (queue: Queue, entry: WorkEntry) => void;
  readonly #settled: (failed: boolean) => void;
  #moved: { readonly id: string; readonly item: StoredItem; readonly weight: number }[] = [];

  constructor(
    tables: Tables,
    now: number,
    admit: (queue: Queue, entry: WorkEntry) => void,
    settled: (failed: boolean) => void,
  ) {
    this.#tables = tables;
    this.#now = now;
    this.#admit = admit;
    this.#settled = settled;
  }

  apply(draft: Draft): void {
    const { due, deferred, ready } = this.#tables;
    this.#moved = [];
    for (const key of due.keys({ start: "", end: dueKey(this.#now + 1, ""), limit: BATCH })) {
      const id = key.slice(key.indexOf("/") + 1);
      const stored = draft.get(deferred, id);
      draft.drop(due, key);
      // Taken, frozen or removed by an earlier change of this group.
      if (stored === undefined) continue;
      const item = parseItem(stored);
      if ((item.n ?? 0) > this.#now) continue;
      draft.take(deferred, id);
      draft.add(ready[queueOf(item.s)], id, stored);
      this.#moved.push({ id, item, weight: stored.length });
    }
  }

  committed(): void {
    for (const { id, item, weight } of this.#moved) {
      // Inline content stays in its table until it is the item's turn.
      const content = item.c === undefined ? undefined : spooledContent(item.c);
      this.#admit(queueOf(item.s), new WorkEntry(id, item.s, item.m, item.h, content, weight));
    }
    this.#settled(false);
  }

  failed(): void {
    this.#settled(true);
  }
}
