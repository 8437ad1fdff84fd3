import type { Value } from "../../expansion/value.ts";
import type { AnyTransport } from "../../policy.ts";

/** A transport that leaves messages as spool files of Exim, for whoever takes them on from there. */
export interface QueuefileTransport extends AnyTransport {
  readonly driver: "queuefile";
  /** Names of 16 characters, for Exim up to 4.96; else of 23. */
  readonly hasShortNames: boolean;
  /**
   * `directory`, expanded.
   *
   * @throws {ExpansionFailure} @throws {ForcedFailure} @throws {DeferError}
   */
  directory(address: string): Value | Promise<Value>;
}
