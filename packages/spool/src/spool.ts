import type { SpoolReference } from "@postbus/contracts";

/**
 * Content too large for a work item, by id. One writer per id; what is stored never changes.
 *
 * Drivers: files (embedded), chunks on a NATS stream (fleet, in packages/bus). One suite of tests for all.
 */
export interface Spool {
  /**
   * Starts to store content while it arrives. Memory is bounded by what one `write` brings.
   *
   * @param id The message id: letters, digits and hyphens.
   */
  create(id: string): Promise<SpoolWriter>;
  /**
   * The octets in order. The digest is checked at the end, before the last octets are given out: a reader that got
   * everything has the content that was stored.
   *
   * @throws {SpoolError} if it is missing or does not match its digest.
   */
  read(reference: SpoolReference, options?: ReadOptions): AsyncIterable<Buffer>;
  /** Removing what is not there is no error. */
  remove(id: string): Promise<void>;
  /**
   * Removes what no work item refers to: written by a process that died before its item was published.
   *
   * @param isInUse Asked for each stored id older than `minAgeMs`.
   * @returns How many were removed.
   */
  sweep(minAgeMs: number, isInUse: (id: string) => Promise<boolean>): Promise<number>;
}

export interface ReadOptions {
  /**
   * A piece is used up when the next one is asked for: its memory may be used again, or freed. For readers that keep
   * nothing. Else each piece is garbage of 64 KiB, and of such V8 lets tens of megabytes come together.
   */
  readonly isTransient?: boolean;
  /** Octets before the first that is wanted. The digest is of the whole: a reader of less has to do without it. */
  readonly start?: number;
}

export interface SpoolWriter {
  /**
   * The octets may be let go when it resolves, or at once if there is nothing to wait for. Waiting is the back-pressure.
   *
   * @throws {DeferError} full, out of reach.
   */
  write(octets: Uint8Array): Promise<void> | undefined;
  /** Resolves when everything written is on stable storage. */
  finish(): Promise<SpoolReference>;
  /** Removes what was written. */
  abort(): Promise<void>;
}

/** Stored content is missing or damaged. Nothing may be sent of it; somebody must look. */
export class SpoolError extends Error {
  override readonly name = "SpoolError";
}
