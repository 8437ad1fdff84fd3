import { closeSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Content } from "@postbus/contracts";
import type { Outcome } from "../bus.ts";

/** Then the journal is written anew, with the outcomes that are still being committed only. */
const MAX_OCTETS = 4 * 1024 * 1024;

/**
 * What handlers have returned and no commit has stored yet: one line each, written before the commit begins.
 *
 * The line is in the page cache and so survives the end of the process, however it ends, some milliseconds before the
 * commit would: what a next hop has said 250 to is not sent again after a `kill -9`, though nothing was synced. An item
 * that is found here is not handed out again; its outcome is committed as it stands. Item ids are never used twice, so
 * an old line can do no harm. After a power failure lines may be missing: then the item is handed out again, as it would
 * be without a journal.
 */
export class OutcomeJournal {
  readonly #path: string;
  readonly #left = new Map<string, StoredOutcome>();
  readonly #pending = new Map<string, string>();
  #file: number;
  #octets = 0;
  /** Of this turn of the event loop: the first line is written at once, those that follow it go together. */
  #lines: string | undefined;

  /** @param isReady Whether the item's end was not committed. */
  constructor(directory: string, isReady: (id: string) => boolean) {
    this.#path = join(directory, "outcomes");
    for (const line of linesOf(this.#path)) {
      const stored = parse(line);
      if (stored === undefined || !isReady(stored.id)) continue;
      this.#left.set(stored.id, stored);
      this.#pending.set(stored.id, line);
    }
    this.#file = this.#rewrite();
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
  write(id: string, messageId: string, outcome: Outcome): void {
    if (outcome.publish?.some((publication) => publication.messageId !== messageId) === true) return;
    const publish = outcome.publish?.map(({ content: _, ...publication }) => publication);
    const { events, eventsIfComplete } = outcome;
    const line = `${JSON.stringify({ id, outcome: { publish, events, eventsIfComplete } })}\n`;
    this.#pending.set(id, line);
    if (this.#lines !== undefined) {
      this.#lines += line;
      return;
    }
    this.#append(line);
    this.#lines = "";
    setImmediate(() => {
      const lines = this.#lines ?? "";
      this.#lines = undefined;
      if (lines !== "") this.#append(lines);
    });
  }

  /** The outcome is on stable storage, or the item is frozen. */
  end(id: string): void {
    this.#pending.delete(id);
    this.#left.delete(id);
  }

  close(): void {
    this.#append(this.#lines ?? "");
    this.#lines = "";
    closeSync(this.#file);
  }

  #append(lines: string): void {
    try {
      if (this.#octets > MAX_OCTETS) this.#file = this.#rewrite(this.#file);
      else this.#octets += writeSync(this.#file, lines);
    } catch {
      // On a full disk. It costs only what the journal is for; the end of work that was done must not wait for that.
    }
  }

  /** A new file takes the name of the old one when it is whole. */
  #rewrite(old?: number): number {
    const fresh = openSync(`${this.#path}.new`, "w", 0o600);
    this.#octets = writeSync(fresh, [...this.#pending.values()].join(""));
    renameSync(`${this.#path}.new`, this.#path);
    if (old !== undefined) closeSync(old);
    return fresh;
  }
}

interface StoredOutcome {
  readonly id: string;
  readonly outcome: {
    readonly publish?: readonly Omit<NonNullable<Outcome["publish"]>[number], "content">[];
    readonly events?: NonNullable<Outcome["events"]>;
    readonly eventsIfComplete?: NonNullable<Outcome["eventsIfComplete"]>;
  };
}

/** A line that was cut short is none; all others are our own words. */
function parse(line: string): StoredOutcome | undefined {
  if (!line.endsWith("}\n")) return undefined;
  try {
    return JSON.parse(line) as StoredOutcome;
  } catch {
    return undefined; // Cut short and, by chance, behind a brace.
  }
}

function linesOf(path: string): readonly string[] {
  try {
    return readFileSync(path, "utf8").match(/[^\n]*\n/g) ?? [];
  } catch (err) {
    if (err instanceof Error && "code" in err && err.code === "ENOENT") return [];
    throw err;
  }
}
