export { openFileSpool } from "./file-spool.ts";
export { type ReadOptions, type Spool, SpoolError, type SpoolWriter } from "./spool.ts";
