import type { Content } from "@postbus/contracts";
import type { WorkItem } from "../bus.ts";
import type { OutcomeJournal } from "../outcome-journal.ts";
import type { WorkEntry } from "./work-entry.ts";

/** An item as its handler sees it. */
export class HeldItem implements WorkItem {
  readonly id: string;
  readonly subject: string;
  readonly messageId: string;
  readonly header: unknown;
  readonly content: Content;
  readonly handedOut: number;
  remembered: unknown;
  readonly #outcomes: OutcomeJournal | undefined;
  #isLost = false;
  #abort: AbortController | undefined;

  constructor(entry: WorkEntry, content: Content, outcomes: OutcomeJournal | undefined) {
    this.id = entry.id;
    this.subject = entry.subject;
    this.messageId = entry.messageId;
    this.header = entry.header;
    this.content = content;
    this.handedOut = entry.handedOut;
    this.#outcomes = outcomes;
  }

  /** One process and one lock: an item is lost only with the bus itself. */
  isHeld(): boolean {
    return !this.#isLost;
  }

  remember(done: object): void {
    this.#outcomes?.remember(this.id, done);
  }

  /** Made when somebody looks: most handlers ask `isHeld` and no more. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#isLost) this.#abort.abort();
    return this.#abort.signal;
  }

  lose(): void {
    this.#isLost = true;
    this.#abort?.abort();
  }
}
