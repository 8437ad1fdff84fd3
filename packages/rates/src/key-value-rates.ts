import { createHash } from "node:crypto";
import type { KeyValue } from "@postbus/bus";
import { isStored, keptMs, nextRate } from "./rate-formula.ts";
import type { RateRequest, RateStore, SeenRequest } from "./rate-store.ts";
import { RatesDefer } from "./rates-defer.ts";
import { filterBits, filterPositions, UniqueFilter } from "./unique-filter.ts";

/** As JSON in the store. */
interface StoredRate {
  readonly rate: number;
  readonly atMs: number;
  /** Of the names in the present period, and when it began. */
  readonly filter?: string;
  readonly filterAtMs?: number;
}

/** Others were faster so often: the store is too busy to count. */
const MAX_ATTEMPTS = 50;

/** Counters in the key-value store of the bus: one process with the embedded one, many with that of NATS. */
export class KeyValueRates implements RateStore {
  readonly #values: Pick<KeyValue, "get" | "create" | "update">;
  readonly #now: () => number;

  /** @param now Milliseconds since the epoch. Hosts of a fleet keep their clocks together. */
  constructor(values: Pick<KeyValue, "get" | "create" | "update">, now: () => number) {
    this.#values = values;
    this.#now = now;
  }

  rate(request: RateRequest): Promise<number> {
    return this.#change<StoredRate, number>(`rate/${hashed(request.key)}`, (found) => {
      const atMs = this.#now();
      const isCounted = request.update !== "readonly";
      const names =
        request.unique === undefined || !isCounted ? undefined : namesWith(request.unique, found, request, atMs);
      const count = isCounted && names?.isNew !== false ? request.count : 0;
      const rate = nextRate(found, atMs, { ...request, count });
      if (!isCounted || (!isStored(rate, request) && names?.isNew !== true)) return { result: rate };
      const counter = isStored(rate, request) ? { rate, atMs } : { rate: found?.rate ?? 0, atMs: found?.atMs ?? atMs };
      const filter = names === undefined ? {} : { filter: names.filter, filterAtMs: names.filterAtMs };
      return { result: rate, value: { ...counter, ...filter }, ttlMs: keptMs(rate, request.periodSeconds) };
    });
  }

  seen({ key, update, refreshSeconds, keepSeconds }: SeenRequest): Promise<number | undefined> {
    return this.#change<{ readonly atMs: number }, number | undefined>(`seen/${hashed(key)}`, (found) => {
      const atMs = this.#now();
      const age = found === undefined ? undefined : Math.max((atMs - found.atMs) / 1000, 0);
      const isOld = age === undefined || age >= refreshSeconds;
      const isWritten = update === "always" || (update === "refresh" && isOld);
      return isWritten ? { result: age, value: { atMs }, ttlMs: Math.ceil(keepSeconds * 1000) } : { result: age };
    });
  }

  /** Reads, computes, writes if nobody else has written meanwhile, else again. */
  async #change<Stored, Result>(
    key: string,
    compute: (found: Stored | undefined) => { result: Result; value?: Stored; ttlMs?: number },
  ): Promise<Result> {
    try {
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        const entry = await this.#values.get(key);
        const { result, value, ttlMs } = compute(entry?.value as Stored | undefined);
        if (value === undefined) return result;
        const options = ttlMs === undefined ? {} : { ttlMs };
        const revision =
          entry === undefined
            ? await this.#values.create(key, value, options)
            : await this.#values.update(key, value, entry.revision, options);
        if (revision !== undefined) return result;
      }
    } catch (err) {
      throw new RatesDefer(err instanceof Error ? err.message : String(err), { cause: err });
    }
    throw new RatesDefer(`others wrote ${MAX_ATTEMPTS} times in a row`);
  }
}

/** Keys of the store are short and plain; ours hold a peer's words. */
const hashed = (key: string): string => createHash("sha256").update(key, "latin1").digest("hex");

interface Names {
  readonly isNew: boolean;
  readonly filter: string;
  readonly filterAtMs: number;
}

function namesWith(
  unique: string,
  found: StoredRate | undefined,
  { limit, periodSeconds }: RateRequest,
  atMs: number,
): Names {
  const bits = filterBits(limit);
  const isOfPeriod = found?.filterAtMs !== undefined && atMs - found.filterAtMs <= periodSeconds * 1000;
  const filter = new UniqueFilter(isOfPeriod ? found.filter : undefined, bits);
  const isNew = filter.add(filterPositions(unique, bits));
  return { isNew, filter: filter.text, filterAtMs: isOfPeriod ? found.filterAtMs : atMs };
}
