import { headers, type MsgHdrs, nuid } from "@nats-io/nats-core";
import type { Entry, KeyValue } from "../key-value.ts";
import type { Link } from "./link.ts";
import type { ServerApi, Stored } from "./server-api.ts";
import { asBusError, isConflict, isPassing, readPubAck } from "./server-error.ts";
import type { Names } from "./topology.ts";

const KEY = /^[A-Za-z0-9_=./-]{1,200}$/;
/** For how long a change is tried while the server is away. */
const BUDGET_MS = 15_000;
const RETRY_PAUSE_MS = 200;

interface Stamped {
  readonly v: unknown;
  /** Tells this write from another of the same value. */
  readonly n: string;
  /** Milliseconds since the epoch; the server removes expired entries to the second only. */
  readonly e?: number;
}

/** A bucket: subjects below `value.<bucket>` of one stream that all buckets share. */
export class NatsKeyValue implements KeyValue {
  readonly #link: Link;
  readonly #api: ServerApi;
  readonly #stream: string;
  readonly #prefix: string;

  constructor(link: Link, api: ServerApi, names: Names, bucket: string) {
    if (!/^[a-z-]+$/.test(bucket)) throw new Error(`no name for a bucket: ${bucket}`);
    this.#link = link;
    this.#api = api;
    this.#stream = names.values;
    this.#prefix = `${names.subject}value.${bucket}.`;
  }

  async get(key: string): Promise<Entry | undefined> {
    return this.getLatest(key);
  }

  /** From the stream's leader: what a compare-and-set is going to be compared with. */
  async getLatest(key: string): Promise<Entry | undefined> {
    const found = await this.#api.lastOfLeader(this.#stream, this.#subject(key));
    return found === undefined ? undefined : this.#entry(found);
  }

  async put(key: string, value: unknown, options: { readonly ttlMs?: number } = {}): Promise<number> {
    const revision = await this.#write(key, value, options.ttlMs, undefined);
    if (revision === undefined) throw new Error(`put ${key}: refused without a condition`);
    return revision;
  }

  async create(key: string, value: unknown, options: { readonly ttlMs?: number } = {}): Promise<number | undefined> {
    const revision = await this.#write(key, value, options.ttlMs, 0);
    if (revision !== undefined) return revision;
    // An entry may have expired and still lie there.
    const found = await this.#api.lastOfLeader(this.#stream, this.#subject(key));
    if (found === undefined) return this.#write(key, value, options.ttlMs, 0);
    return this.#entry(found) === undefined ? this.#write(key, value, options.ttlMs, found.seq) : undefined;
  }

  async update(
    key: string,
    value: unknown,
    revision: number,
    options: { readonly ttlMs?: number } = {},
  ): Promise<number | undefined> {
    return this.#write(key, value, options.ttlMs, revision);
  }

  async delete(key: string): Promise<void> {
    await this.#api.purge(this.#stream, this.#subject(key));
  }

  async list(prefix = ""): Promise<readonly Entry[]> {
    const start = this.#prefix + toToken(prefix);
    const subjects = (await this.#api.subjects(this.#stream, `${this.#prefix}*`)).filter((s) => s.startsWith(start));
    const found = await this.#api.lastOfMany(this.#stream, subjects);
    return found.map((stored) => this.#entry(stored)).filter((entry) => entry !== undefined);
  }

  /** @param expected Revision that the key must have, 0 for none, undefined for any. @returns undefined if it has another. */
  async #write(
    key: string,
    value: unknown,
    ttlMs: number | undefined,
    expected: number | undefined,
  ): Promise<number | undefined> {
    const stamped: Stamped = { v: value, n: nuid.next(), ...(ttlMs !== undefined && { e: Date.now() + ttlMs }) };
    const data = Buffer.from(JSON.stringify(stamped));
    const giveUpAtMs = performance.now() + BUDGET_MS;
    for (let tries = 0; ; tries++) {
      try {
        return readPubAck(await this.#link.request(this.#subject(key), data, conditions(ttlMs, expected))).seq;
      } catch (err) {
        if (isConflict(err)) return tries === 0 ? undefined : await this.#wasIt(key, data);
        if (!isPassing(err) || performance.now() > giveUpAtMs) throw asBusError(`write ${key}`, err);
        if (this.#link.disconnectedAt === undefined)
          await new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE_MS));
        await this.#link.connected(Math.max(0, giveUpAtMs - performance.now()));
      }
    }
  }

  /** A repeated write that meets a conflict may have met itself: the first answer was lost, not the write. */
  async #wasIt(key: string, data: Buffer): Promise<number | undefined> {
    const found = await this.#api.lastOfLeader(this.#stream, this.#subject(key));
    return found !== undefined && data.equals(found.data) ? found.seq : undefined;
  }

  #subject(key: string): string {
    if (!KEY.test(key)) throw new Error(`no key: ${key}`);
    return this.#prefix + toToken(key);
  }

  #entry({ subject, seq, data }: Stored): Entry | undefined {
    const { v, e } = JSON.parse(Buffer.from(data).toString()) as Stamped;
    if (e !== undefined && e <= Date.now()) return undefined;
    return { key: fromToken(subject.slice(this.#prefix.length)), value: v, revision: seq };
  }
}

/** A key is one token of a subject; a comma is in no key. */
const toToken = (key: string): string => key.replaceAll(".", ",");
const fromToken = (token: string): string => token.replaceAll(",", ".");

function conditions(ttlMs: number | undefined, expected: number | undefined): MsgHdrs {
  const hdrs = headers();
  if (ttlMs !== undefined) hdrs.set("Nats-TTL", `${Math.max(1, Math.ceil(ttlMs / 1000))}s`);
  if (expected !== undefined) hdrs.set("Nats-Expected-Last-Subject-Sequence", String(expected));
  return hdrs;
}
