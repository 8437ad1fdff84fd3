import type { ScanServer } from "@postbus/contracts";
import { readTime } from "../../reader/option-value.ts";
import { ValueError } from "../../reader/value-error.ts";

/** A server of a list, with the words behind its address. */
export interface EngineAddress {
  readonly server: ScanServer;
  /** `name=value`, or one word. */
  readonly options: readonly string[];
}

/**
 * `/path option=value …` or `host port option=value …`, as Exim's options for scanners have them.
 *
 * @returns undefined: it is neither.
 */
export function readEngineAddress(text: string): EngineAddress | undefined {
  const [first = "", ...rest] = text.split(/[ \t\n]+/).filter((word) => word !== "");
  if (first.startsWith("/")) return { server: { path: first }, options: rest };
  const [port = "", ...options] = rest;
  if (first === "" || !/^[0-9]{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) return undefined;
  return { server: { host: first.replace(/^\[(.*)\]$/, "$1"), port: Number(port) }, options };
}

/** Milliseconds of `name=5s`; undefined: it is no time. */
export function timeOf(text: string): number | undefined {
  try {
    return readTime(text);
  } catch (error) {
    if (error instanceof ValueError) return undefined;
    throw error;
  }
}
