import type { NatsKeyValue } from "./nats-key-value.ts";

interface Open {
  /** Parts that have not come to their end. */
  readonly open: readonly string[];
  /** The part whose end was the message's: done again, it says again that the message is complete. */
  readonly closedBy?: string;
}

/** After its last part has ended, a record is kept as long as a part's end may be repeated. */
const KEPT_AFTER_MS = 24 * 3_600_000;
/** Two parts of a message may end at once, ten thousand do not: more conflicts than this are a fault. */
const MAX_TRIES = 10_000;

/**
 * When a message that was split is complete.
 *
 * A message that is one item needs no record: the item's end is its end. Where it is split, each item gets the name of
 * its part, and the open parts are written down. Every change is made by compare-and-set and does nothing the second
 * time, so that a handler that runs again after a crash does no harm.
 */
export class MessageParts {
  readonly #values: NatsKeyValue;

  constructor(values: NatsKeyValue) {
    this.#values = values;
  }

  /** @param part The part that is split; undefined: the whole message. @returns the names of the new parts. */
  static namesFor(part: string | undefined, count: number): string[] {
    return Array.from({ length: count }, (_, index) => (part === undefined ? `${index}` : `${part}.${index}`));
  }

  /** To be written before the new items are published: their ends look for it. */
  async split(messageId: string, part: string | undefined, into: readonly string[]): Promise<void> {
    if (part === undefined) {
      // If there is one, this is a repetition, and some parts may have ended since.
      await this.#values.create(messageId, { open: into } satisfies Open);
      return;
    }
    await this.#change(messageId, (record) =>
      record.open.includes(part) ? { open: [...record.open.filter((open) => open !== part), ...into] } : undefined,
    );
  }

  /** @returns whether the message is complete with this. */
  async close(messageId: string, part: string | undefined): Promise<boolean> {
    if (part === undefined) return true;
    const record = await this.#change(messageId, ({ open }) => {
      if (!open.includes(part)) return undefined;
      const rest = open.filter((other) => other !== part);
      return rest.length === 0 ? { open: rest, closedBy: part } : { open: rest };
    });
    return record?.closedBy === part;
  }

  /** @returns the record as it is afterwards. */
  async #change(messageId: string, change: (record: Open) => Open | undefined): Promise<Open | undefined> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const entry = await this.#values.getLatest(messageId);
      if (entry === undefined) return undefined;
      const record = entry.value as Open;
      const changed = change(record);
      if (changed === undefined) return record;
      const options = changed.open.length === 0 ? { ttlMs: KEPT_AFTER_MS } : {};
      if ((await this.#values.update(messageId, changed, entry.revision, options)) !== undefined) return changed;
    }
    throw new Error(`parts of ${messageId}: changed by others ${MAX_TRIES} times in a row`);
  }
}
