import type { Content } from "@postbus/contracts";
import type { Outcome, Publication } from "./bus.ts";
import { PendingLines, readPendingLines } from "./pending-lines.ts";

/** Outcomes that are remembered, at most, though nothing more is heard of their items. */
const LEFT_MAX = 10_000;

/** Content of the messages that one outcome begins (reports), octets: more is not copied, and the outcome not kept. */
const BEGUN_MAX_OCTETS = 64 * 1024;

/** A publication of the item's own message has its content. */
interface Published extends Omit<Publication, "content"> {
  /** Content of another message, an octet a character. */
  readonly octets?: string;
}

/** How much a handler may note, characters: beyond, what it has done is done again. */
const DONE_MAX_LENGTH = 1024 * 1024;

interface JournalLine {
  readonly id: string;
  /** What the handler has noted before it returned. */
  readonly done?: unknown;
  readonly outcome?: {
    readonly publish?: readonly Published[];
    readonly events?: Outcome["events"] | undefined;
    readonly eventsIfComplete?: Outcome["eventsIfComplete"] | undefined;
  };
}

export interface OutcomeJournalOptions {
  readonly path: string;
  /** Whether the item's end was not committed. Default: that is in the file. */
  readonly counts?: (id: string) => boolean;
}

/**
 * What handlers have returned, or have noted on the way, and no commit has stored yet: one line each, written before the commit
 * begins.
 *
 * The line survives the end of the process some milliseconds before the commit would: what a next hop has said 250 to is
 * not sent again after a `kill -9`, though nothing was synced. A handler is not asked about an item that is found here;
 * its outcome is committed as it stands. Item ids are never used twice, so an old line can do no harm. Where a line is
 * missing, the item is handed out again, as it would be without a journal.
 */
export class OutcomeJournal {
  /** The lines by item id, this process's own too, until they end. */
  readonly #left = new Map<string, string>();
  readonly #lines: PendingLines;

  constructor({ path, counts }: OutcomeJournalOptions) {
    const found = [...readPendingLines(path)].slice(-LEFT_MAX);
    for (const [id, line] of found) if (counts === undefined || counts(id)) this.#left.set(id, line);
    this.#lines = new PendingLines({ path, left: this.#left, writesEnds: counts === undefined });
  }

  /** What did not get stored. @param content The item's own, which lines do not hold. */
  left(id: string, messageId: string, content: Content): Left | undefined {
    const line = this.#left.get(id);
    return line === undefined ? undefined : leftIn(line, messageId, content);
  }

  /** As `WorkItem` has it. */
  remember(id: string, done: object): void {
    this.#write(id, { id, done });
  }

  /**
   * To be called right when the handler has returned. Outcomes that begin other messages (reports) are kept with those, for
   * beside what was refused, something may have been delivered; but not if they are large: then they are made again.
   */
  write(id: string, messageId: string, outcome: Outcome): void {
    const publish = publishedOf(outcome, messageId);
    if (publish === undefined) return;
    const { events, eventsIfComplete } = outcome;
    this.#write(id, { id, outcome: { publish, events, eventsIfComplete } });
  }

  /** The outcome is on stable storage, or the item is frozen. */
  end(id: string): void {
    this.#lines.end(id);
    this.#left.delete(id);
  }

  close(): void {
    this.#lines.close();
  }

  #write(id: string, line: JournalLine): void {
    const text = `${JSON.stringify(line)}\n`;
    if (line.outcome === undefined && text.length > DONE_MAX_LENGTH) return;
    this.#left.set(id, text);
    this.#lines.write(id, text);
    if (this.#left.size <= LEFT_MAX) return;
    const [oldest] = this.#left.keys();
    if (oldest !== undefined) this.end(oldest);
  }
}

/** What an earlier holder left of an item: its outcome, or only what was noted on the way. */
export type Left =
  | { readonly outcome: Outcome; readonly done?: undefined }
  | { readonly outcome?: undefined; readonly done: unknown };

/** @param line From a journal. @param content The item's own, which lines do not hold. */
export function leftIn(line: string, messageId: string, content: Content): Left {
  const { outcome, done } = JSON.parse(line) as JournalLine;
  if (outcome === undefined) return { done };
  const { publish = [], events = [], eventsIfComplete = [] } = outcome;
  const publications = publish.map(({ octets, ...publication }): Publication => {
    if (octets === undefined) return { ...publication, messageId, content };
    return { ...publication, content: { kind: "inline", octets: Buffer.from(octets, "latin1") } };
  });
  return { outcome: { events, eventsIfComplete, publish: publications } };
}

/** @returns Undefined: too large, or in the spool. */
function publishedOf({ publish }: Outcome, messageId: string): readonly Published[] | undefined {
  const published: Published[] = [];
  let begun = 0;
  for (const { content, ...publication } of publish ?? []) {
    if (publication.messageId === messageId) {
      published.push(publication);
      continue;
    }
    if (content.kind !== "inline") return undefined;
    begun += content.octets.length;
    if (begun > BEGUN_MAX_OCTETS) return undefined;
    published.push({ ...publication, octets: content.octets.toString("latin1") });
  }
  return published;
}
