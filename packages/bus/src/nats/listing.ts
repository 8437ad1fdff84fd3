import type { WaitingState } from "../waiting.ts";
import type { Entry, WaitingPlace } from "./waiting-place.ts";

/** So many times as long as it took to be made, a list is used for the pages that follow. */
const USED_FOR = 10;
/** A longer list is made anew for each page: it is not kept. About 300 octets each. */
const MAX_KEPT = 300_000;

export interface ListedEntry extends Entry {
  readonly id: string;
}

/**
 * All items that wait, sorted, for who goes through them page by page.
 *
 * A list is made for the first page and used for the next ones, but no longer than ten times the time that it has taken: so a
 * page of a long queue costs a page, and what has moved on since then is found where it is now a little later.
 */
export class Listing {
  #entries: readonly ListedEntry[] = [];
  #state: WaitingState | undefined;
  #usableUntilMs = Number.NEGATIVE_INFINITY;
  #forgetting: NodeJS.Timeout | undefined;

  /** @param isNextPage Somebody has seen the beginning. */
  async of(
    places: readonly WaitingPlace[],
    state: WaitingState | undefined,
    isNextPage: boolean,
  ): Promise<readonly ListedEntry[]> {
    const startedMs = performance.now();
    if (isNextPage && state === this.#state && startedMs < this.#usableUntilMs) return this.#entries;
    const entries = (await Promise.all(places.map((place) => place.list())))
      .flat()
      .map((entry): ListedEntry => ({ ...entry, id: idOf(entry.tail) }))
      .sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
    const nowMs = performance.now();
    const usedForMs = USED_FOR * (nowMs - startedMs);
    if (entries.length <= MAX_KEPT) this.#keep(entries, state, nowMs + usedForMs, usedForMs);
    return entries;
  }

  #keep(entries: readonly ListedEntry[], state: WaitingState | undefined, untilMs: number, usedForMs: number): void {
    this.#entries = entries;
    this.#state = state;
    this.#usableUntilMs = untilMs;
    clearTimeout(this.#forgetting);
    this.#forgetting = setTimeout(() => {
      this.#entries = [];
      this.#usableUntilMs = Number.NEGATIVE_INFINITY;
    }, usedForMs).unref();
  }
}

/** Message and item stand in a tail; this is the item. */
export const idOf = (itemTail: string): string => itemTail.slice(itemTail.indexOf(".") + 1);

/** Where those begin that come behind an id. @param id Absent: all do. */
export function firstAfter(entries: readonly ListedEntry[], id: string | undefined): number {
  if (id === undefined) return 0;
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((entries[middle]?.id ?? "") > id) high = middle;
    else low = middle + 1;
  }
  return low;
}
