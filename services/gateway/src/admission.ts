/** Counts connections against `smtp_accept_max` and `smtp_accept_max_per_host`; a limit of 0 is none. */
export class Admission {
  #max: number;
  #maxPerHost: number;
  #connections = 0;
  /** Only hosts that are connected, so it is bounded by the number of connections. */
  readonly #perHost = new Map<string, number>();

  constructor(max: number, maxPerHost: number) {
    this.#max = max;
    this.#maxPerHost = maxPerHost;
  }

  /** Other limits, for those who come from now on. */
  limit(max: number, maxPerHost: number): void {
    this.#max = max;
    this.#maxPerHost = maxPerHost;
  }

  get connections(): number {
    return this.#connections;
  }

  /**
   * @param address Undefined: it is not known yet who the client is; `identify` must follow.
   * @returns Why not, in Exim's words, or undefined: then `leave` must be called at the connection's end.
   */
  enter(address: string | undefined): string | undefined {
    if (this.#max > 0 && this.#connections >= this.#max)
      return "Too many concurrent SMTP connections; please try again later";
    const refusal = address === undefined ? undefined : this.identify(address);
    if (refusal === undefined) this.#connections += 1;
    return refusal;
  }

  /** Counts a connection that has entered for its client. @returns Why not: then it is to leave as undefined. */
  identify(address: string): string | undefined {
    const ofHost = this.#perHost.get(address) ?? 0;
    if (this.#maxPerHost > 0 && ofHost >= this.#maxPerHost) {
      return "Too many concurrent SMTP connections from this IP address; please try again later";
    }
    this.#perHost.set(address, ofHost + 1);
    return undefined;
  }

  leave(address: string | undefined): void {
    this.#connections -= 1;
    if (address === undefined) return;
    const ofHost = (this.#perHost.get(address) ?? 1) - 1;
    if (ofHost === 0) this.#perHost.delete(address);
    else this.#perHost.set(address, ofHost);
  }
}
