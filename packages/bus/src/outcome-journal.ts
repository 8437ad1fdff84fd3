import type { Content } from "@postbus/contracts";
import type { Outcome } from "./bus.ts";
import { PendingLines, readPendingLines } from "./pending-lines.ts";

/** What a handler made of an item, and where the item came from if the driver must find it again. */
export interface JournalLine {
  readonly id: string;
  readonly stream?: string;
  readonly seq?: number;
  readonly outcome: {
    readonly publish?: readonly Omit<NonNullable<Outcome["publish"]>[number], "content">[];
    readonly events?: NonNullable<Outcome["events"]>;
    readonly eventsIfComplete?: NonNullable<Outcome["eventsIfComplete"]>;
  };
}

/**
 * What handlers have returned and no commit has stored yet: one line each, written before the commit begins.
 *
 * The line survives the end of the process some milliseconds before the commit would: what a next hop has said 250 to is
 * not sent again after a `kill -9`, though nothing was synced. An item that is found here is not handed out again; its
 * outcome is committed as it stands. Item ids are never used twice, so an old line can do no harm. Where a line is
 * missing, the item is handed out again, as it would be without a journal.
 */
export class OutcomeJournal {
  readonly #left = new Map<string, JournalLine>();
  readonly #lines: PendingLines;

  /** @param counts Whether the item's end was not committed. */
  constructor(path: string, counts: (id: string) => boolean = () => true) {
    const pending = new Map<string, string>();
    for (const { line, value } of readPendingLines<JournalLine>(path)) {
      if (!counts(value.id)) continue;
      this.#left.set(value.id, value);
      pending.set(value.id, line);
    }
    this.#lines = new PendingLines(path, pending);
  }

  /** Everything that an earlier process did not get stored. */
  get allLeft(): readonly JournalLine[] {
    return [...this.#left.values()];
  }

  /** The outcome that an earlier process did not get stored. @param content The item's own, which lines do not hold. */
  left(id: string, messageId: string, content: Content): Outcome | undefined {
    const stored = this.#left.get(id);
    if (stored === undefined) return undefined;
    const { publish = [], events = [], eventsIfComplete = [] } = stored.outcome;
    return { events, eventsIfComplete, publish: publish.map((one) => ({ ...one, messageId, content })) };
  }

  /**
   * To be called right when the handler has returned. Outcomes that begin other messages (bounces) are not kept: their
   * content is nowhere else, and what they are about was refused, not delivered.
   */
  write(
    item: { readonly id: string; readonly messageId: string; readonly stream?: string; readonly seq?: number },
    outcome: Outcome,
  ): void {
    const { id, messageId, stream, seq } = item;
    if (outcome.publish?.some((publication) => publication.messageId !== messageId) === true) return;
    const publish = outcome.publish?.map(({ content: _, ...publication }) => publication);
    const { events, eventsIfComplete } = outcome;
    this.#lines.write(id, `${JSON.stringify({ id, stream, seq, outcome: { publish, events, eventsIfComplete } })}\n`);
  }

  /** The outcome is on stable storage, or the item is frozen. */
  end(id: string): void {
    this.#lines.end(id);
    this.#left.delete(id);
  }

  close(): void {
    this.#lines.close();
  }
}
