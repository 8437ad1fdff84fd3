import type { BigIntStats } from "node:fs";

/** What tells one state of a file from another. */
export type FileVersion = string;

/** Longer than the tick of Linux's file times (10 ms at 100 Hz). */
const TICK_NS = 50_000_000n;
/** File systems whose times are whole seconds, or two (FAT). */
const COARSE_TICK_NS = 2_000_000_000n;
const SECOND_NS = 1_000_000_000n;

export function fileVersion(stats: BigIntStats): FileVersion {
  return `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}`;
}

/**
 * Whether the same version, seen later, proves that the content is the same. A file that has just been changed may be
 * changed again within the same tick of the file system's clock.
 *
 * @param nowMs Epoch.
 */
export function isSettled({ ctimeNs }: BigIntStats, nowMs: number): boolean {
  const tickNs = ctimeNs % SECOND_NS === 0n ? COARSE_TICK_NS : TICK_NS;
  return BigInt(nowMs) * 1_000_000n - ctimeNs > tickNs;
}
