export { KeyValueRates } from "./key-value-rates.ts";
export { openRedisRates } from "./open-redis-rates.ts";
export type { RateRequest, RateStore, SeenRequest } from "./rate-store.ts";
export { RatesDefer } from "./rates-defer.ts";
