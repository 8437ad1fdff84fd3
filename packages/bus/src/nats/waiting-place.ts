import type { Queue } from "../bus.ts";
import type { WaitingState } from "../waiting.ts";
import type { DoneLog } from "./done-log.ts";
import type { Holders, Whereabouts } from "./holders.ts";
import { type DecodedItem, decodeItems } from "./item-codec.ts";
import { copyName, tail, tailOf } from "./item-subject.ts";
import type { ReadyIndex } from "./ready-index.ts";
import type { ServerApi, Stored } from "./server-api.ts";
import type { Names } from "./topology.ts";

/** An item where it lies. */
export interface Found {
  readonly place: WaitingPlace;
  readonly stored: Stored;
  readonly item: DecodedItem;
  /** All items of its message, this one included. */
  readonly together: readonly DecodedItem[];
}

/** An item that is known to lie somewhere, unread. */
export interface Entry {
  readonly place: WaitingPlace;
  /** Message and item, as `tail`. */
  readonly tail: string;
  readonly subject: string;
  /** Of ready work, which is found by it. */
  readonly seq?: number;
}

/** Which items are asked for, as tokens; absent: any. */
export interface Wanted {
  readonly message?: string;
  readonly id?: string;
}

export interface WaitingPlaceParts {
  readonly api: ServerApi;
  readonly holders: Holders;
  readonly done: DoneLog;
}

/** Where items of one state and queue lie. */
export interface WaitingPlace {
  readonly state: WaitingState;
  readonly stream: string;
  /** Who hands out what lies here. */
  readonly consumer?: string;
  list(): Promise<Entry[]>;
  find(wanted: Wanted): Promise<Entry[]>;
  /** Those that are still there and have not come to their end. */
  read(entries: readonly Entry[]): Promise<Found[]>;
}

/** Items with a subject each: deferred, due or frozen. */
export class SubjectPlace implements WaitingPlace {
  readonly state: WaitingState;
  readonly stream: string;
  readonly consumer?: string;
  readonly #parts: WaitingPlaceParts;
  readonly #root: string;

  constructor(parts: WaitingPlaceParts, state: WaitingState, stream: string, root: string, consumer?: string) {
    this.#parts = parts;
    this.state = state;
    this.stream = stream;
    this.#root = root;
    if (consumer !== undefined) this.consumer = consumer;
  }

  async list(): Promise<Entry[]> {
    const subjects = await this.#parts.api.subjects(this.stream, `${this.#root}.>`);
    return subjects.map((subject) => ({ place: this, subject, tail: tailOf(subject) }));
  }

  async find({ message = "*", id = "*" }: Wanted): Promise<Entry[]> {
    const subject = `${this.#root}.${message}.${id}`;
    return [{ place: this, subject, tail: tailOf(subject) }];
  }

  async read(entries: readonly Entry[]): Promise<Found[]> {
    const subjects = entries.map(({ subject }) => subject);
    const stored = await this.#parts.api.lastOfMany(this.stream, subjects);
    if (stored.length === 0) return [];
    const where = await whereabouts(this.#parts.holders, this);
    return stored.flatMap((message) => {
      if (where(message.seq) === "ended") return [];
      const together = decodeItems(message.data);
      return together.map((item) => ({ place: this, stored: message, item, together }));
    });
  }
}

/** Ready work: several items may share a message. */
export class ReadyPlace implements WaitingPlace {
  readonly state = "ready";
  readonly stream: string;
  readonly consumer: string;
  readonly #parts: WaitingPlaceParts;
  readonly #index: ReadyIndex;

  constructor(parts: WaitingPlaceParts, names: Names, queue: Queue, index: ReadyIndex) {
    this.#parts = parts;
    this.stream = names.work[queue];
    this.consumer = queue;
    this.#index = index;
  }

  list(): Promise<Entry[]> {
    return this.find({});
  }

  async find({ message, id }: Wanted): Promise<Entry[]> {
    const entries: Entry[] = [];
    for (const [seq, tails] of await this.#index.read()) {
      for (const tail of tails) {
        // Of two copies the later one counts; whoever gets the other drops it.
        if (this.#index.seqOf(tail) !== seq) continue;
        const [ofMessage, ofItem] = tail.split(".");
        if ((message ?? ofMessage) !== ofMessage || (id ?? ofItem) !== ofItem) continue;
        entries.push({ place: this, tail, seq, subject: "" });
      }
    }
    return entries;
  }

  async read(entries: readonly Entry[]): Promise<Found[]> {
    if (entries.length === 0) return [];
    const where = await whereabouts(this.#parts.holders, this);
    const found: Found[] = [];
    for (const [seq = 0, of] of Map.groupBy(entries, (entry) => entry.seq)) {
      if (where(seq) === "ended") continue;
      const stored = await this.#parts.api.bySeq(this.stream, seq);
      if (stored === undefined) continue;
      const together = decodeItems(stored.data);
      const tails = new Set(of.map(({ tail }) => tail));
      // A bundle stays until the last of its items has ended.
      const mayHaveEnded = together.length > 1 && where(seq) !== "waiting";
      for (const [index, item] of together.entries()) {
        if (!tails.has(tail(item.meta))) continue;
        if (mayHaveEnded && (await this.#hasEnded(item, seq, index))) continue;
        found.push({ place: this, stored, item, together });
      }
    }
    return found;
  }

  #hasEnded({ meta }: DecodedItem, seq: number, index: number): Promise<boolean> {
    return this.#parts.done.hasAny([meta.id, copyName(this.stream, seq, index)]);
  }
}

/** For what nobody hands out, a stream without a consumer, everything waits. */
async function whereabouts(
  holders: Holders,
  { stream, consumer }: WaitingPlace,
): Promise<(seq: number) => Whereabouts> {
  return consumer === undefined ? () => "waiting" : holders.look(stream, consumer);
}
