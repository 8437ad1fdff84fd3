export { openFileSpool } from "./file-spool.ts";
export { ScanDirectory, sweepScanDirectories } from "./scan-directory.ts";
export { type ReadOptions, type Spool, SpoolError, type SpoolWriter } from "./spool.ts";
