/**
 * Something we need is out of reach for now: DNS, a database, a scanner, the bus.
 * Thrown by lookups and conditions; policy turns it into a 4xx reply, routing into a deferral.
 * "Not found" is a value (`undefined`), never this error.
 */
export class DeferError extends Error {
  override readonly name: string = "DeferError";
  /** What was being asked, for the log: `redis`, `dnsdb mx`, `dcc`, `bus`. */
  readonly source: string;

  constructor(source: string, message: string, options?: ErrorOptions) {
    super(`${source}: ${message}`, options);
    this.source = source;
  }
}
