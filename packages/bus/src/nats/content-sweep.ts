import { messageOfSpooled } from "@postbus/contracts";
import type { Spool } from "@postbus/spool";
import type { Waiting } from "../waiting.ts";
import type { Link } from "./link.ts";

const EVERY_MS = 60 * 60_000;
/** Content that is younger may be on its way to the bus still. */
const MIN_AGE_MS = 6 * EVERY_MS;

export interface ContentSweepOptions {
  readonly spool: Pick<Spool, "sweep">;
  readonly waiting: Pick<Waiting, "ofMessage">;
  readonly link: Pick<Link, "onProblem">;
  /** Milliseconds. */
  readonly minAgeMs?: number;
}

/**
 * Removes content to which no item refers: a process that died between the content and the item, or between the end of the
 * last item and the removal, leaves it behind.
 *
 * An item that changes its place is in both for a moment, and who looks through the places one after the other may miss it in each.
 * So content goes when nothing was found twice, an hour apart. Every process that routes does it, each for itself.
 */
export class ContentSweep {
  readonly #options: ContentSweepOptions;
  /** Content without an item when it was looked at last. */
  #suspects: ReadonlySet<string> = new Set();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ContentSweepOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer ??= setInterval(() => {
      // Orphans cost room and nothing else: the next hour tries again.
      this.sweep().catch((err: unknown) => this.#options.link.onProblem("looking for content without an item", err));
    }, EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** @returns how many it has removed. */
  async sweep(): Promise<number> {
    const { spool, waiting, minAgeMs = MIN_AGE_MS } = this.#options;
    const found = new Set<string>();
    const removed = await spool.sweep(minAgeMs, async (id) => {
      const items = await waiting.ofMessage(messageOfSpooled(id));
      if (items.length > 0) return true;
      if (this.#suspects.has(id)) return false;
      found.add(id);
      return true;
    });
    this.#suspects = found;
    return removed;
  }
}
