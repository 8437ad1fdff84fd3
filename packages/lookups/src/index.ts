export type { FoundData, LookupOutcome, LookupRequest, LookupScope, LookupSpec, Lookups } from "./lookup.ts";
export { LookupCache } from "./lookup-cache.ts";
export { LookupDefer } from "./lookup-defer.ts";
export type { LookupSettings } from "./lookup-settings.ts";
export { LookupSyntaxError } from "./lookup-syntax-error.ts";
export { LookupTable } from "./lookup-table.ts";
export { parseLookupType } from "./parse-lookup-type.ts";
export { type LookupQuoter, quoterForLookup } from "./quoter-for-lookup.ts";
