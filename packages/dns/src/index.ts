export { type Answer, type Found, recordsOf } from "./answer.ts";
export { queryName } from "./query-name.ts";
export type { RecordData, RecordType } from "./record.ts";
export { createResolver, openResolver, type ResolveOptions, type Resolver, type ResolverOptions } from "./resolver.ts";
export { parseServers, type ServerAddress } from "./server-address.ts";
