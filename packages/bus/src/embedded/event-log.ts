import type { MailEvent } from "@postbus/contracts";
import { DeferError } from "@postbus/mail";
import type { Subscription } from "../bus.ts";
import type { EventLog, FollowOptions } from "../event-log.ts";
import type { Draft } from "./draft.ts";
import { type EventCommit, type EventHandler, Follower } from "./follower.ts";
import type { Change } from "./group-commit.ts";
import type { Table } from "./table.ts";

/** Events in a batch where nobody says otherwise. */
const BATCH_EVENTS = 1_000;
/** Recent events kept as they are, for followers that keep up: they need not be read and parsed. */
const RECENT_EVENTS = 10_000;
/** Followers are woken after so long, with the events of all commits since. */
const WAKE_AFTER_MS = 10;
/** Events without a work item wait so long for company: at most ten commits a second are made for their sake. */
const RECORD_AFTER_MS = 100;
/** More of them at one time are not taken: a peer could raise them faster than a disk writes. */
const MAX_LOOSE = 10_000;
/** Commits trimmed at one time. */
const TRIM_BATCH = 1_000;
const MILLISECONDS_DIGITS = 13;

export interface EventLogLimits {
  /** Events that are older may go. */
  readonly maxAgeMs: number;
  /** More are not kept. */
  readonly maxEvents: number;
}

/** 16 digits hold every integer that is exact in JavaScript. */
const keyOf = (last: number): string => String(last).padStart(16, "0");

/**
 * The events of one commit are one row, under the number of the last of them: so they cost one write a commit, and the
 * difference of two positions is the number of events between them.
 */
export class EmbeddedEventLog implements EventLog {
  readonly #table: Table;
  readonly #storeId: string;
  readonly #now: () => number;
  readonly #limits: EventLogLimits;
  #last: number;
  #recent: EventCommit[] = [];
  #recentEvents = 0;
  readonly #followers = new Set<Follower>();
  #wake: NodeJS.Timeout | undefined;
  #loose: MailEvent[] = [];
  #recordTimer: NodeJS.Timeout | undefined;
  readonly #commit: (change: Change) => void;

  constructor(
    table: Table,
    storeId: string,
    now: () => number,
    limits: EventLogLimits,
    commit: (change: Change) => void,
  ) {
    this.#commit = commit;
    this.#table = table;
    this.#storeId = storeId;
    this.#now = now;
    this.#limits = limits;
    this.#last = Number(table.lastKey() ?? 0);
  }

  /** Adds the events of a group to its draft. */
  addTo(draft: Draft): void {
    if (draft.events.length === 0) return;
    const key = keyOf(this.#last + draft.events.length);
    draft.replace(this.#table, key, `${this.#now()}${JSON.stringify(draft.events)}`);
  }

  /** After the commit. */
  committed({ events }: Draft): void {
    if (events.length === 0) return;
    const commit = { first: this.#last + 1, last: this.#last + events.length, events };
    this.#last = commit.last;
    if (this.#followers.size === 0) {
      this.#recent = [];
      this.#recentEvents = 0;
      return;
    }
    this.#recent.push(commit);
    this.#recentEvents += events.length;
    this.#forget();
    this.#wake ??= setTimeout(() => {
      this.#wake = undefined;
      for (const follower of this.#followers) follower.wake();
    }, WAKE_AFTER_MS);
  }

  async follow({ after, batch = BATCH_EVENTS }: FollowOptions, handler: EventHandler): Promise<Subscription> {
    const follower = new Follower(
      this.#start(after),
      (position) => this.#read(position, batch),
      handler,
      this.#storeId,
    );
    this.#followers.add(follower);
    const ended = follower.run();
    return {
      drain: async () => {
        this.#followers.delete(follower);
        follower.stop();
        await ended;
      },
    };
  }

  async record(events: readonly MailEvent[]): Promise<void> {
    if (this.#loose.length + events.length > MAX_LOOSE) {
      throw new DeferError("bus", `${this.#loose.length} events wait to be written`);
    }
    for (const event of events) this.#loose.push(event);
    this.#recordTimer ??= setTimeout(() => this.#recordLoose(), RECORD_AFTER_MS);
  }

  #recordLoose(): void {
    clearTimeout(this.#recordTimer);
    this.#recordTimer = undefined;
    const loose = this.#loose;
    if (loose.length === 0) return;
    this.#loose = [];
    this.#commit({
      mustSucceed: false,
      isNew: true,
      apply: (draft) => {
        for (const event of loose) draft.events.push(event);
      },
      committed: () => {},
      // Best effort: where the disk is full, mail is refused, too, and that is seen.
      failed: () => {},
    });
  }

  /** What may be forgotten, as a change for the group commit; undefined: nothing. The newest row stays: it counts. */
  trim(settled: (more: boolean) => void): Change | undefined {
    const oldest = this.#last - this.#limits.maxEvents;
    const before = String(this.#now() - this.#limits.maxAgeMs);
    const old: string[] = [];
    for (const { key, value } of this.#table.rows({ start: "", end: keyOf(this.#last), limit: TRIM_BATCH })) {
      const isOld = value.toString("latin1", 0, MILLISECONDS_DIGITS) < before;
      if (!isOld && Number(key) > oldest) break;
      old.push(key);
    }
    if (old.length === 0) return undefined;
    return {
      mustSucceed: false,
      apply: (draft) => {
        for (const key of old) draft.drop(this.#table, key);
      },
      committed: () => settled(old.length === TRIM_BATCH),
      // The next round finds the same rows.
      failed: () => settled(false),
    };
  }

  /** What is still in memory goes with the last commit. */
  flush(): void {
    this.#recordLoose();
  }

  close(): void {
    clearTimeout(this.#wake);
    for (const follower of this.#followers) follower.stop();
  }

  /** The number of the last event that the follower has got; undefined if it cannot be told from the position. */
  #start(after: string | undefined): number | undefined {
    if (after === "end") return this.#last;
    if (after === undefined) return this.#oldest() - 1;
    const [storeId, number] = after.split(":");
    const last = Number(number);
    // Of another file, or of a later state of this one (a backup was restored): everything is news.
    if (storeId !== this.#storeId || !Number.isSafeInteger(last) || last > this.#last) return undefined;
    return last;
  }

  #oldest(): number {
    const [row] = this.#table.rows({ start: "", limit: 1 });
    return row === undefined ? this.#last + 1 : parse(row.key, row.value).first;
  }

  #read(position: number | undefined, batch: number): EventCommit | undefined {
    const after = position ?? 0;
    if (after >= this.#last) return undefined;
    const oldest = this.#recent[0];
    const commits = oldest !== undefined && oldest.first <= after + 1 ? this.#recent : this.#stored(after);
    return joined(commits, after, batch);
  }

  *#stored(after: number): Iterable<EventCommit> {
    for (const { key, value } of this.#table.rows({ start: keyOf(after + 1), end: keyOf(this.#last + 1) })) {
      yield parse(key, value);
    }
  }

  #forget(): void {
    let drop = 0;
    while (this.#recentEvents > RECENT_EVENTS && drop < this.#recent.length - 1) {
      this.#recentEvents -= this.#recent[drop++]?.events.length ?? 0;
    }
    if (drop > 0) this.#recent = this.#recent.slice(drop);
  }
}

/** Whole commits behind `after`, up to `batch` events or one commit more. */
function joined(commits: Iterable<EventCommit>, after: number, batch: number): EventCommit | undefined {
  const events: MailEvent[] = [];
  let first: number | undefined;
  let last = after;
  for (const commit of commits) {
    if (commit.last <= after) continue;
    first ??= Math.max(commit.first, after + 1);
    for (const event of commit.first > after ? commit.events : commit.events.slice(after + 1 - commit.first)) {
      events.push(event);
    }
    last = commit.last;
    if (events.length >= batch) break;
  }
  return first === undefined ? undefined : { first, last, events };
}

function parse(key: string, value: Buffer): EventCommit {
  const events = JSON.parse(value.toString("utf8", MILLISECONDS_DIGITS)) as MailEvent[];
  const last = Number(key);
  return { first: last - events.length + 1, last, events };
}
