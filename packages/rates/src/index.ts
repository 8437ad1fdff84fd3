export { KeyValueRates } from "./key-value-rates.ts";
export type { RateRequest, RateStore, SeenRequest } from "./rate-store.ts";
export { RatesDefer } from "./rates-defer.ts";
export { RedisRates } from "./redis-rates.ts";
