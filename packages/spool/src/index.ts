export { type Spool, SpoolError, type SpoolWriter } from "./spool.ts";
