import type { Content } from "@postbus/contracts";
import type { Handler } from "../bus.ts";
import type { OutcomeJournal } from "../outcome-journal.ts";
import { HeldItem } from "./held-item.ts";
import type { WorkEntry } from "./work-entry.ts";

/** Somebody who handles items, and the room that is left with them. */
export class Consumer {
  readonly handler: Handler;
  readonly #concurrency: number;
  readonly #outcomes: OutcomeJournal | undefined;
  /** Undefined: there was nothing to hand out, the entry is being frozen. */
  readonly #inHand = new Map<WorkEntry, HeldItem | undefined>();
  #whenIdle: (() => void)[] = [];

  constructor(concurrency: number, handler: Handler, outcomes: OutcomeJournal | undefined) {
    this.#concurrency = concurrency;
    this.#outcomes = outcomes;
    this.handler = handler;
  }

  get hasRoom(): boolean {
    return this.#inHand.size < this.#concurrency;
  }

  take(entry: WorkEntry, content: Content): HeldItem {
    const item = new HeldItem(entry, content, this.#outcomes);
    this.#inHand.set(entry, item);
    return item;
  }

  takeUnusable(entry: WorkEntry): void {
    this.#inHand.set(entry, undefined);
  }

  leave(entry: WorkEntry): void {
    this.#inHand.delete(entry);
    if (this.#inHand.size === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  /** The bus goes away under the handlers. */
  abort(): void {
    for (const item of this.#inHand.values()) item?.lose();
  }

  async idle(): Promise<void> {
    if (this.#inHand.size > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }
}
