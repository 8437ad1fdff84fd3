/** One event, to be counted. */
export interface RateRequest {
  /** What is counted; equal keys share a counter. Octets. */
  readonly key: string;
  readonly periodSeconds: number;
  /** Events in a period; with `leaky`, what is above it is not counted. */
  readonly limit: number;
  /** How many events this is. */
  readonly count: number;
  readonly update: "leaky" | "strict" | "readonly";
  /** The event counts only if nothing with this name has come in the present period. Octets. */
  readonly unique?: string;
}

export interface SeenRequest {
  readonly key: string;
  /** `refresh`: the record is written anew if it is older than `refreshSeconds`. */
  readonly update: "always" | "refresh" | "never";
  readonly refreshSeconds: number;
  /** For so long a record is of use. */
  readonly keepSeconds: number;
}

/**
 * Counters and times that all gateways share. Each call is atomic: of two events at the same time, both count. The clock
 * is the store's.
 *
 * @throws {RatesDefer} the store cannot be asked.
 */
export interface RateStore {
  /** @returns the smoothed rate, in events a period, with this event. */
  rate(request: RateRequest): Promise<number>;
  /** @returns how many seconds ago the key was written, before this call; undefined: it never was. */
  seen(request: SeenRequest): Promise<number | undefined>;
}
