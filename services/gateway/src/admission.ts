/** Why a connection is not taken. */
export interface Turned {
  /** For the metrics. */
  readonly reason: "stopping" | "max" | "reserve" | "load" | "per_host";
  /** For the client, in Exim's words where it has them. */
  readonly text: string;
  /** For the log, behind `Connection from [IP] refused: `. */
  readonly log: string;
}

const LATER = "please try again later";

export const turned = {
  stopping: { reason: "stopping", text: "service not available", log: "shutting down" },
  max: { reason: "max", text: `Too many concurrent SMTP connections; ${LATER}`, log: "too many connections" },
  reserve: { reason: "reserve", text: `Too many concurrent SMTP connections; ${LATER}`, log: "not in reserve list" },
  load: { reason: "load", text: `Too much load; ${LATER}`, log: "too much load" },
  perHost: {
    reason: "per_host",
    text: `Too many concurrent SMTP connections from this IP address; ${LATER}`,
    log: "too many connections from that IP address",
  },
} as const satisfies Readonly<Record<string, Turned>>;

/** Limits of `Admission`; 0 is none. */
export interface AdmissionLimits {
  /** `smtp_accept_max` */
  readonly acceptMax: number;
  /** `smtp_accept_reserve`: of them, so many are for `smtp_reserve_hosts`. */
  readonly acceptReserve: number;
}

/** Counts connections against `smtp_accept_max`, `smtp_accept_reserve` and `smtp_accept_max_per_host`. */
export class Admission {
  #limits: AdmissionLimits;
  #connections = 0;
  /** Only hosts that are connected, so it is bounded by the number of connections. */
  readonly #perHost = new Map<string, number>();

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  /** Other limits, for those who come from now on. */
  limit(limits: AdmissionLimits): void {
    this.#limits = limits;
  }

  get connections(): number {
    return this.#connections;
  }

  /** Whether the last one who has entered has a place that is kept for `smtp_reserve_hosts`. */
  get isReserve(): boolean {
    const { acceptMax, acceptReserve } = this.#limits;
    return acceptMax > 0 && acceptReserve > 0 && this.#connections > acceptMax - acceptReserve;
  }

  /** Who the client is need not be known yet. @returns Why not, or undefined: then `leave` must be called at its end. */
  enter(): Turned | undefined {
    const { acceptMax } = this.#limits;
    if (acceptMax > 0 && this.#connections >= acceptMax) return turned.max;
    this.#connections += 1;
    return undefined;
  }

  /** Counts a connection that has entered for its client. @returns Why not: then it is to leave as undefined. */
  identify(address: string, maxPerHost: number): Turned | undefined {
    const ofHost = this.#perHost.get(address) ?? 0;
    if (maxPerHost > 0 && ofHost >= maxPerHost) return turned.perHost;
    this.#perHost.set(address, ofHost + 1);
    return undefined;
  }

  /** @param address Undefined: it was not identified. */
  leave(address: string | undefined): void {
    this.#connections -= 1;
    if (address === undefined) return;
    const ofHost = (this.#perHost.get(address) ?? 1) - 1;
    if (ofHost === 0) this.#perHost.delete(address);
    else this.#perHost.set(address, ofHost);
  }
}
