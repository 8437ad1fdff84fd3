import { headers } from "@nats-io/nats-core";
import { elapsedMs, GRACE_MS, instant, type LeaseTimes } from "./lease.ts";
import type { Link } from "./link.ts";
import type { ServerApi } from "./server-api.ts";
import { asBusError, isConflict, isPassing, readPubAck } from "./server-error.ts";
import type { Names, Stream } from "./topology.ts";

/** How long is remembered how often an item was tried. */
const TRIES_SECONDS = 3_600;
const RETRY_PAUSE_MS = 200;
/**
 * How long a claim is tried: by then the lease is gone anyway. The stream may be gone, too, with a server that was killed: whoever
 * finds that out (`verify`) makes it again, and must not wait for it.
 */
const PATIENCE_MS = 20_000;

const text = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const parse = (data: Uint8Array): unknown => JSON.parse(Buffer.from(data).toString());

/**
 * Who works on an item that may have been handed out twice.
 *
 * The server keeps in memory to whom it has handed what; killed and started again it hands the same items out as if for
 * the first time. The claims stream is in memory, too, so an absent `epoch` record means that the server has forgotten.
 * The first who comes then writes down how far the streams went: whatever lies below may be in somebody's hands
 * still, is left alone for `GRACE_MS`, and must be claimed by compare-and-set before it is worked on.
 */
export class Claims {
  readonly #link: Link;
  readonly #api: ServerApi;
  readonly #names: Names;
  readonly #holder: string;
  /** A claim that is not renewed is gone before the item is handed out again. */
  readonly #claimSeconds: number;
  readonly #stream: Stream;
  readonly #patienceMs: number;
  #verifying: Promise<void> | undefined;
  #epoch = { token: -1, upTo: new Map<string, number>(), since: instant(), ageMs: 0 };

  constructor(
    link: Link,
    api: ServerApi,
    names: Names,
    holder: string,
    times: LeaseTimes,
    stream: Stream,
    patienceMs = PATIENCE_MS,
  ) {
    this.#link = link;
    this.#api = api;
    this.#names = names;
    this.#holder = holder;
    this.#stream = stream;
    this.#patienceMs = patienceMs;
    this.#claimSeconds = Math.max(1, Math.floor(times.validMs / 1_000));
  }

  /** Changes when the server has forgotten what it had handed out. */
  get epoch(): number {
    return this.#epoch.token;
  }

  /** To be called after connecting, each time. */
  verify(): Promise<void> {
    this.#verifying ??= this.#verify().finally(() => {
      this.#verifying = undefined;
    });
    return this.#verifying;
  }

  async #verify(): Promise<void> {
    const subject = `${this.#names.subject}claim.epoch`;
    for (;;) {
      const record = await this.#api.lastOfLeader(this.#names.claims, subject);
      if (record !== undefined) {
        const { upTo, token } = parse(record.data) as { upTo: Record<string, number>; token: number };
        const { ts } = await this.#api.call("ask the time", ({ streams }) => streams.info(this.#names.claims));
        const ageMs = ts === undefined ? 0 : Math.max(0, Date.parse(ts) - record.atMs);
        this.#epoch = { token, upTo: new Map(Object.entries(upTo)), since: instant(), ageMs };
        return;
      }
      await this.#begin(subject);
    }
  }

  /** Whether it may have been handed out before, unbeknown to the server. */
  isDoubtful(stream: string, seq: number): boolean {
    return seq <= (this.#epoch.upTo.get(stream) ?? 0);
  }

  /** How long doubtful items must still be left alone. */
  graceLeftMs(): number {
    return GRACE_MS - this.#epoch.ageMs - elapsedMs(this.#epoch.since);
  }

  /** @returns false if somebody else has it. @throws {BusUnavailableError} if it cannot be found out in time. */
  async claim(stream: string, seq: number): Promise<boolean> {
    const subject = this.#subject(stream, seq);
    for (;;) {
      if (await this.#create(subject, this.#holder, this.#claimSeconds)) return true;
      const holder = await this.#api.lastOfLeader(this.#names.claims, subject);
      if (holder !== undefined) return parse(holder.data) === this.#holder && this.#renew(stream, seq);
      // It expired between the two questions.
    }
  }

  /** Best effort: a claim that was not renewed runs out, and the lease with it. */
  renew(stream: string, seq: number): void {
    this.#renew(stream, seq);
  }

  async release(stream: string, seq: number): Promise<void> {
    await this.#api.purge(this.#names.claims, this.#subject(stream, seq));
  }

  /** How often a handler has begun with it; undefined: nothing was written down. @param name Tokens of a subject. */
  async tries(name: string): Promise<number | undefined> {
    const record = await this.#api.lastOfLeader(this.#names.claims, this.#triesSubject(name));
    return record === undefined ? undefined : Number(parse(record.data));
  }

  async setTries(name: string, tries: number): Promise<void> {
    const hdrs = headers();
    hdrs.set("Nats-TTL", `${TRIES_SECONDS}s`);
    readPubAck(await this.#link.request(this.#triesSubject(name), text(tries), hdrs));
  }

  #subject(stream: string, seq: number): string {
    return `${this.#names.subject}claim.item.${stream}.${seq}`;
  }

  #triesSubject(name: string): string {
    return `${this.#names.subject}claim.tries.${name}`;
  }

  #renew(stream: string, seq: number): boolean {
    const hdrs = headers();
    hdrs.set("Nats-TTL", `${this.#claimSeconds}s`);
    this.#link.send(this.#subject(stream, seq), text(this.#holder), hdrs);
    return true;
  }

  async #begin(subject: string): Promise<void> {
    await this.#api.call(`make ${this.#stream.name}`, ({ streams }) => streams.add(this.#stream));
    const upTo: Record<string, number> = {};
    for (const stream of [...Object.values(this.#names.work), this.#names.deferred]) {
      const info = await this.#api.call(`ask ${stream}`, ({ streams }) => streams.info(stream));
      upTo[stream] = info.state.last_seq;
    }
    // Random, since the sequences of a stream in memory begin again with every start of the server.
    await this.#create(subject, { token: Math.floor(Math.random() * 2 ** 48), upTo });
  }

  async #create(subject: string, value: unknown, ttlSeconds?: number): Promise<boolean> {
    const giveUpAtMs = performance.now() + this.#patienceMs;
    for (;;) {
      const hdrs = headers();
      hdrs.set("Nats-Expected-Last-Subject-Sequence", "0");
      if (ttlSeconds !== undefined) hdrs.set("Nats-TTL", `${ttlSeconds}s`);
      try {
        readPubAck(await this.#link.request(subject, text(value), hdrs));
        return true;
      } catch (err) {
        if (isConflict(err)) return false;
        const leftMs = giveUpAtMs - performance.now();
        if (!isPassing(err) || leftMs <= 0) throw asBusError("claim", err);
        if (this.#link.disconnectedAt === undefined)
          await new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE_MS));
        await this.#link.connected(leftMs);
      }
    }
  }
}
