import type { RedisRates, RedisRatesOptions } from "./redis-rates.ts";

/** Counters in Redis. Its library is loaded only where they are wanted; it connects with the first question. */
export async function openRedisRates(options: RedisRatesOptions): Promise<RedisRates> {
  const { RedisRates } = await import("./redis-rates.ts");
  return new RedisRates(options);
}
