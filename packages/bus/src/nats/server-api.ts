import { type JetStreamManager, jetstreamManager, type StoredMsg } from "@nats-io/jetstream";
import type { Link } from "./link.ts";
import { asBusError, isNotFound, isPassing } from "./server-error.ts";

/** For questions to the server itself. After a loss of the leader it does not answer for some seconds (measured: 5 to 7). */
const DEADLINE_MS = 15_000;
const ATTEMPT_MS = 3_000;
const PAUSE_MS = 200;
/** The server takes at most 1,024 subjects in one batched look-up. */
const LOOKUP_MAX = 1_000;

/** A message as it lies in a stream. */
export interface Stored {
  readonly subject: string;
  readonly seq: number;
  readonly data: Uint8Array;
  readonly header: (name: string) => string;
  readonly atMs: number;
}

/** The administrative questions, repeated while the server cannot answer. */
export class ServerApi {
  readonly #link: Link;
  readonly #manager: JetStreamManager;

  private constructor(link: Link, manager: JetStreamManager) {
    this.#link = link;
    this.#manager = manager;
  }

  static async open(link: Link): Promise<ServerApi> {
    return new ServerApi(link, await jetstreamManager(link.connection, { timeout: ATTEMPT_MS, checkAPI: false }));
  }

  /** @throws {BusUnavailableError} no answer in 15 s. */
  async call<T>(what: string, ask: (manager: JetStreamManager) => Promise<T>): Promise<T> {
    const giveUpAtMs = performance.now() + DEADLINE_MS;
    for (;;) {
      try {
        return await ask(this.#manager);
      } catch (err) {
        if (!isPassing(err) || performance.now() > giveUpAtMs || this.#link.isClosed) throw asBusError(what, err);
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    }
  }

  /** The last message of a subject, read from whichever replica answers. */
  lastOf(stream: string, subject: string): Promise<Stored | undefined> {
    return this.call(`read ${subject}`, async ({ direct }) => {
      const found = await direct.getMessage(stream, { last_by_subj: subject });
      return found === null ? undefined : stored(found);
    });
  }

  bySeq(stream: string, seq: number): Promise<Stored | undefined> {
    return this.call(`read ${stream} ${seq}`, async ({ direct }) => {
      const found = await direct.getMessage(stream, { seq });
      return found === null ? undefined : stored(found);
    });
  }

  /** As `lastOf`, but never from a replica that may be behind: for compare-and-set. */
  lastOfLeader(stream: string, subject: string): Promise<Stored | undefined> {
    return this.call(`read ${subject}`, async ({ streams }) => {
      try {
        const found = await streams.getMessage(stream, { last_by_subj: subject });
        return found === null ? undefined : stored(found);
      } catch (err) {
        if (isNotFound(err)) return undefined;
        throw err;
      }
    });
  }

  /** Sequence of the first message from `seq` on, as the leader knows it. */
  nextOfLeader(stream: string, seq: number): Promise<number | undefined> {
    return this.call(`look into ${stream}`, async ({ streams }) => {
      try {
        // The server takes both together (ADR-31), the client's type knows them apart.
        const query = { seq, next_by_subj: ">" } as { seq: number };
        return (await streams.getMessage(stream, query))?.seq;
      } catch (err) {
        if (isNotFound(err)) return undefined;
        throw err;
      }
    });
  }

  /** The last messages of these subjects; wildcards are allowed as long as they match no more than 1,024. */
  async lastOfMany(stream: string, subjects: readonly string[]): Promise<Stored[]> {
    const all: Stored[] = [];
    for (let i = 0; i < subjects.length; i += LOOKUP_MAX) {
      const part = subjects.slice(i, i + LOOKUP_MAX);
      all.push(
        ...(await this.call(`read from ${stream}`, async ({ direct }) => {
          const found: Stored[] = [];
          for await (const message of await direct.getLastMessagesFor(stream, { multi_last: part })) {
            found.push(stored(message));
          }
          return found;
        })),
      );
    }
    return all;
  }

  /** Messages in order, from `seq` on. */
  range(stream: string, seq: number, batch: number): Promise<Stored[]> {
    return this.call(`read from ${stream}`, async ({ direct }) => {
      const found: Stored[] = [];
      for await (const message of await direct.getBatch(stream, { seq, batch })) found.push(stored(message));
      return found;
    });
  }

  /** Subjects in a stream that match the filter, in no order. For 1,000,000 of them, some hundred megabytes. */
  async subjects(stream: string, filter: string): Promise<string[]> {
    const info = await this.call(`list ${filter}`, ({ streams }) => streams.info(stream, { subjects_filter: filter }));
    return Object.keys(info.state.subjects ?? {});
  }

  /** @returns whether it was there. */
  async deleteMessage(stream: string, seq: number): Promise<boolean> {
    return this.call(`delete ${stream} ${seq}`, async ({ streams }) => {
      try {
        // Not overwritten with random octets: that is for secrets, and costs a write of the message's size.
        return await streams.deleteMessage(stream, seq, false);
      } catch (err) {
        if (isNotFound(err)) return false;
        throw err;
      }
    });
  }

  purge(stream: string, filter: string): Promise<number> {
    return this.call(`purge ${filter}`, async ({ streams }) => (await streams.purge(stream, { filter })).purged);
  }
}

function stored(message: StoredMsg): Stored {
  return {
    subject: message.subject,
    seq: message.seq,
    data: message.data,
    header: (name) => message.header?.get(name) ?? "",
    atMs: message.time.getTime(),
  };
}
