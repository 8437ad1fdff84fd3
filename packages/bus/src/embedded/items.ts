import type { Content } from "@postbus/contracts";
import type { Queue } from "../bus.ts";
import type { WaitingState } from "../waiting.ts";
import type { Draft } from "./draft.ts";
import { type Outgoing, parseItem, type StoredItem } from "./stored-item.ts";
import type { Table } from "./table.ts";
import type { Tables } from "./tables.ts";

/** Where an item is in the draft. */
export interface Found {
  readonly state: WaitingState;
  readonly queue: Queue;
  readonly item: StoredItem;
}

/** `0000001763695935123/<item id>`: sorts by time. */
export const dueKey = (notBeforeMs: number, id: string): string => `${String(notBeforeMs).padStart(19, "0")}/${id}`;

/**
 * The rules of the tables: where an item belongs, and when a message is complete. Everything is done to a draft, so
 * what belongs together is committed together.
 */
export class Items {
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  exists(draft: Draft, id: string): boolean {
    const { ready, deferred, frozen } = this.#tables;
    return (
      draft.has(ready.deliver, id) || draft.has(ready.route, id) || draft.has(deferred, id) || draft.has(frozen, id)
    );
  }

  find(draft: Draft, id: string): Found | undefined {
    const { ready, deferred, frozen } = this.#tables;
    const look = (table: Table): StoredItem | undefined => {
      const stored = draft.get(table, id);
      return stored === undefined ? undefined : parseItem(stored);
    };
    for (const queue of ["route", "deliver"] as const) {
      const item = look(ready[queue]);
      if (item !== undefined) return { state: "ready", queue, item };
    }
    for (const [state, table] of [["deferred", deferred] as const, ["frozen", frozen] as const]) {
      const item = look(table);
      if (item !== undefined) return { state, queue: item.s.startsWith("mail.route.") ? "route" : "deliver", item };
    }
    return undefined;
  }

  /** @returns In which state it waits now. */
  put(draft: Draft, { publication, queue, json }: Outgoing, nowMs: number): WaitingState {
    const { id, notBeforeMs, frozen } = publication;
    if (frozen !== undefined) {
      draft.add(this.#tables.frozen, id, json);
      return "frozen";
    }
    if (notBeforeMs !== undefined && notBeforeMs > nowMs) {
      draft.add(this.#tables.deferred, id, json);
      draft.replace(this.#tables.due, dueKey(notBeforeMs, id), "");
      return "deferred";
    }
    draft.add(this.#tables.ready[queue], id, json);
    return "ready";
  }

  take(draft: Draft, id: string, { state, queue, item }: Pick<Found, "state" | "queue"> & { item?: StoredItem }): void {
    const { ready, deferred, due, frozen } = this.#tables;
    if (state === "deferred") {
      draft.take(deferred, id);
      draft.drop(due, dueKey(item?.n ?? 0, id));
    } else draft.take(state === "ready" ? ready[queue] : frozen, id);
  }

  putReady(draft: Draft, id: string, queue: Queue, item: StoredItem): void {
    const { n: _notBefore, r: _reason, ...rest } = item;
    draft.add(this.#tables.ready[queue], id, JSON.stringify(rest));
  }

  putFrozen(draft: Draft, id: string, item: StoredItem, reason: string): void {
    const { n: _notBefore, ...rest } = item;
    draft.add(this.#tables.frozen, id, JSON.stringify({ ...rest, r: reason }));
  }

  /**
   * An item from outside its message: the message's first, or one more beside those that are open.
   *
   * @returns In which state it waits now; undefined: it was there.
   */
  putFromOutside(draft: Draft, outgoing: Outgoing, nowMs: number): WaitingState | undefined {
    const { open, content: contents } = this.#tables;
    const { id, messageId, content } = outgoing.publication;
    // A message that has neither a count nor content has no item: then the tables of items need not be asked.
    const before = this.counted(draft, messageId) ?? (draft.has(contents, messageId) ? 1 : 0);
    if (before > 0 && this.exists(draft, id)) return undefined;
    if (before === 0 && content.kind === "inline") draft.replace(contents, messageId, content.octets);
    if (before > 0 || content.kind === "spooled") draft.replace(open, messageId, String(before + 1));
    return this.put(draft, outgoing, nowMs);
  }

  /** How many items of the message are open; undefined: nobody counts, there is one at most. */
  counted(draft: Draft, messageId: string): number | undefined {
    const counted = draft.get(this.#tables.open, messageId);
    return counted === undefined ? undefined : Number(counted);
  }

  /**
   * The message has got `growth` items more (or less). Its content goes with the last one.
   *
   * @param counted As before the growth.
   * @returns Whether it is complete.
   */
  settle(draft: Draft, messageId: string, counted: number | undefined, growth: number, kind: Content["kind"]): boolean {
    if (growth === 0) return false;
    const { open, content } = this.#tables;
    const now = (counted ?? 1) + growth;
    if (now > 1 || (now === 1 && kind === "spooled")) draft.replace(open, messageId, String(now));
    else if (counted !== undefined) draft.drop(open, messageId);
    if (now > 0) return false;
    if (kind === "inline") draft.drop(content, messageId);
    return true;
  }
}
