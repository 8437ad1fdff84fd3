export { openFileSpool } from "./file-spool.ts";
export { type Spool, SpoolError, type SpoolWriter } from "./spool.ts";
