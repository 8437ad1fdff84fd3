import type { MailEvent } from "@postbus/contracts";
import type { Queue } from "../bus.ts";
import type { Waiting, WaitingCounts, WaitingItem, WaitingState } from "../waiting.ts";
import type { Draft } from "./draft.ts";
import type { Change } from "./group-commit.ts";
import type { Found, Items } from "./items.ts";
import { AFTER_ALL, type Row } from "./row.ts";
import { parseItem, queueOf, type StoredItem, spooledContent } from "./stored-item.ts";
import type { Table } from "./table.ts";
import type { Tables } from "./tables.ts";
import { WorkEntry } from "./work-entry.ts";
import type { WorkQueue } from "./work-queue.ts";

/** Keys read in one go. */
const COUNTED_AT_ONCE = 1_000;

export interface WaitingDeps {
  readonly tables: Tables;
  readonly items: Items;
  readonly queues: Readonly<Record<Queue, WorkQueue>>;
  readonly commit: (change: Change) => void;
  readonly dropSpooled: (id: string) => void;
}

/** The operators' view: reads the tables as they are committed, commands go with the group commit. */
export class EmbeddedWaiting implements Waiting {
  readonly #deps: WaitingDeps;

  constructor(deps: WaitingDeps) {
    this.#deps = deps;
  }

  async counts(): Promise<WaitingCounts> {
    const { ready, deferred, frozen } = this.#deps.tables;
    return {
      route: ready.route.count,
      deliver: ready.deliver.count,
      deferred: deferred.count,
      frozen: frozen.count,
    };
  }

  async messageCount(): Promise<number> {
    const { ready, deferred, frozen } = this.#deps.tables;
    const messages = new Set<string>();
    for (const table of [ready.route, ready.deliver, deferred, frozen]) {
      for (let start: string | undefined = ""; start !== undefined; ) {
        const keys: string[] = [...table.keys({ start, limit: COUNTED_AT_ONCE })];
        for (const key of keys) messages.add(key.slice(0, key.indexOf("_")));
        start = keys.length < COUNTED_AT_ONCE ? undefined : `${keys.at(-1)}\0`;
        // Mail must not wait for it.
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    return messages.size;
  }

  async list({
    state,
    after,
    limit,
  }: {
    readonly state?: WaitingState;
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly WaitingItem[]> {
    return this.#merge(state, after === undefined ? "" : `${after}\0`, AFTER_ALL, limit);
  }

  async ofMessage(messageId: string): Promise<readonly WaitingItem[]> {
    const prefix = `${messageId}_`;
    const items = this.#merge(undefined, prefix, `${prefix}${AFTER_ALL}`, Number.POSITIVE_INFINITY);
    return items.filter((item) => item.messageId === messageId);
  }

  takeNow(itemId: string): Promise<boolean> {
    const { items, queues } = this.#deps;
    let taken: Found | undefined;
    return this.#command(
      itemId,
      (draft, found) => {
        taken = undefined;
        // Its turn comes by itself.
        if (found.state === "ready") return !queues[found.queue].isInWork(itemId);
        taken = found;
        items.take(draft, itemId, found);
        items.putReady(draft, itemId, found.queue, found.item);
        return true;
      },
      () => {
        if (taken === undefined) return;
        const { item, queue } = taken;
        const content = item.c === undefined ? undefined : spooledContent(item.c);
        queues[queue].admit(new WorkEntry(itemId, item.s, item.m, item.h, content, 0));
      },
    );
  }

  freeze(itemId: string, reason: string): Promise<boolean> {
    const { items } = this.#deps;
    return this.#withdrawal(itemId, (draft, found) => {
      items.take(draft, itemId, found);
      items.putFrozen(draft, itemId, found.item, reason);
    });
  }

  async revise(itemId: string, header: object): Promise<boolean> {
    const { deferred, frozen } = this.#deps.tables;
    // Now and not in the commit: what cannot be JSON is the caller's error.
    JSON.stringify(header);
    return this.#command(
      itemId,
      (draft, { state, item }) => {
        if (state === "ready") return false;
        draft.replace(state === "deferred" ? deferred : frozen, itemId, JSON.stringify({ ...item, h: header }));
        return true;
      },
      () => {},
    );
  }

  remove(itemId: string, events: readonly MailEvent[], eventsIfComplete: readonly MailEvent[]): Promise<boolean> {
    const { items, dropSpooled } = this.#deps;
    let spooled: string | undefined;
    return this.#withdrawal(
      itemId,
      (draft, found) => {
        spooled = undefined;
        const { m: messageId, c: reference } = found.item;
        items.take(draft, itemId, found);
        const kind = reference === undefined ? "inline" : "spooled";
        const isComplete = items.settle(draft, messageId, items.counted(draft, messageId), -1, kind);
        draft.events.push(...events);
        if (isComplete) draft.events.push(...eventsIfComplete);
        if (isComplete && reference !== undefined) spooled = reference.id;
      },
      () => {
        if (spooled !== undefined) dropSpooled(spooled);
      },
    );
  }

  /** A command that takes the item away: one that is ready is claimed, so that it is not handed out meanwhile. */
  #withdrawal(id: string, act: (draft: Draft, found: Found) => void, done: () => void = () => {}): Promise<boolean> {
    let claimedIn: WorkQueue | undefined;
    const unclaim = (isGone: boolean): void => {
      claimedIn?.unclaim(id, isGone);
      claimedIn = undefined;
    };
    return this.#command(
      id,
      (draft, found) => {
        unclaim(false);
        if (found.state === "ready") {
          const queue = this.#deps.queues[found.queue];
          if (!queue.claim(id)) return false;
          claimedIn = queue;
        }
        act(draft, found);
        return true;
      },
      () => {
        unclaim(true);
        done();
      },
      () => unclaim(false),
    );
  }

  /** @param act Whether the command could be done to the item. */
  #command(
    id: string,
    act: (draft: Draft, found: Found) => boolean,
    done: () => void,
    failed: () => void = () => {},
  ): Promise<boolean> {
    const { items, commit } = this.#deps;
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    let acted = false;
    commit({
      mustSucceed: false,
      apply: (draft) => {
        const found = items.find(draft, id);
        acted = found !== undefined && act(draft, found);
      },
      committed: () => {
        if (acted) done();
        resolve(acted);
      },
      failed: (err) => {
        failed();
        reject(err);
      },
    });
    return promise;
  }

  /** The tables are sorted by id; so is what is made of them. */
  #merge(state: WaitingState | undefined, start: string, end: string, limit: number): WaitingItem[] {
    const { ready, deferred, frozen } = this.#deps.tables;
    const sources: [WaitingState, Table][] = [
      ["ready", ready.route],
      ["ready", ready.deliver],
      ["deferred", deferred],
      ["frozen", frozen],
    ];
    const bound = Number.isFinite(limit) ? { limit } : {};
    return sources
      .filter(([of]) => state === undefined || of === state)
      .flatMap(([of, table]) => Array.from(table.rows({ start, end, ...bound }), (row) => ({ of, row })))
      .toSorted((a, b) => (a.row.key < b.row.key ? -1 : 1))
      .slice(0, limit)
      .map(({ of, row }) => view(of, row));
  }
}

function view(state: WaitingState, { key, value }: Row): WaitingItem {
  const item: StoredItem = parseItem(value);
  return {
    id: key,
    messageId: item.m,
    queue: queueOf(item.s),
    state,
    ...(state === "deferred" && item.n !== undefined ? { notBeforeMs: item.n } : {}),
    ...(state === "frozen" && item.r !== undefined ? { reason: item.r } : {}),
    header: item.h,
    size: item.z,
  };
}
