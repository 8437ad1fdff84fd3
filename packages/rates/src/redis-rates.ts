import { createHash } from "node:crypto";
import { Redis } from "ioredis";
import type { RateRequest, RateStore, SeenRequest } from "./rate-store.ts";
import { RatesDefer } from "./rates-defer.ts";
import { RATE_SCRIPT, SEEN_SCRIPT } from "./redis-scripts.ts";
import { filterBits, filterPositions } from "./unique-filter.ts";

export interface RedisRatesOptions {
  /** `redis://[:password@]host[:port][/database]` */
  readonly url: string;
  /** Put before every key, so that fleets can share a server. */
  readonly prefix?: string;
  /** For one question; what takes longer is no answer. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 2_000;

/** Counters in Redis, for a fleet: each call is one script, which Redis runs as a whole. */
export class RedisRates implements RateStore {
  readonly #redis: Redis;
  readonly #prefix: string;

  constructor({ url, prefix = "postbus:", timeoutMs = TIMEOUT_MS }: RedisRatesOptions) {
    this.#prefix = prefix;
    this.#redis = new Redis(url, {
      lazyConnect: true,
      commandTimeout: timeoutMs,
      connectTimeout: timeoutMs,
      // A client waits behind each question: it fails fast, and the next one tries again.
      maxRetriesPerRequest: 0,
      enableOfflineQueue: true,
      retryStrategy: (times) => Math.min(times * 100, 2_000),
    });
    // Each question says so itself.
    this.#redis.on("error", () => {});
  }

  async rate({ key, periodSeconds, limit, count, update, unique }: RateRequest): Promise<number> {
    const bits = filterBits(limit);
    const positions = unique === undefined ? [] : filterPositions(unique, bits);
    const [counter, filter] = this.#keys("rate", key);
    const answer = await this.#run(RATE_SCRIPT, [counter, filter], [periodSeconds, limit, count, update, ...positions]);
    return Number(answer);
  }

  async seen({ key, update, refreshSeconds, keepSeconds }: SeenRequest): Promise<number | undefined> {
    const [record] = this.#keys("seen", key);
    const answer = await this.#run(SEEN_SCRIPT, [record], [update, refreshSeconds, Math.ceil(keepSeconds * 1000)]);
    return answer === "" ? undefined : Number(answer);
  }

  async stop(): Promise<void> {
    this.#redis.disconnect();
  }

  /** Both on one node of a cluster: the part in braces decides. */
  #keys(kind: string, key: string): [string, string] {
    const hash = createHash("sha256").update(key, "latin1").digest("hex");
    return [`${this.#prefix}${kind}:{${hash}}`, `${this.#prefix}${kind}:{${hash}}:names`];
  }

  async #run({ text, sha1 }: typeof RATE_SCRIPT, keys: string[], args: (string | number)[]): Promise<unknown> {
    try {
      return await this.#redis.evalsha(sha1, keys.length, ...keys, ...args);
    } catch (err) {
      if (!(err instanceof Error) || !err.message.startsWith("NOSCRIPT")) throw asDefer(err);
    }
    try {
      return await this.#redis.eval(text, keys.length, ...keys, ...args);
    } catch (err) {
      throw asDefer(err);
    }
  }
}

const asDefer = (err: unknown): RatesDefer =>
  new RatesDefer(`redis: ${err instanceof Error ? err.message : String(err)}`, { cause: err });
