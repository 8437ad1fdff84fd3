import type { ServerAddress } from "./server-address.ts";

/** How long a server that did not answer a probe is left alone before the next one. */
const PROBE_AGAIN_AFTER_MS = 2_000;

interface Health {
  isDown: boolean;
  isProbing: boolean;
  /** Not before; milliseconds. */
  probeAtMs: number;
}

/**
 * Knows which servers answer, so that with a dead resolver a question fails at once instead of after its deadline
 * (a client waits for it).
 *
 * That a question was not answered proves nothing: its domain's own servers may be the ones that are silent, and any
 * sender could then put our resolver out of use. So a silent server is asked something that every resolver knows; only
 * who does not answer that is down.
 */
export class ServerWatch {
  readonly #probe: (server: ServerAddress) => Promise<boolean>;
  readonly #now: () => number;
  readonly #health: Map<ServerAddress, Health>;
  #order: readonly ServerAddress[];

  /** @param probe Whether the server answers a simple question; with a timeout, never rejects. */
  constructor(
    servers: readonly ServerAddress[],
    probe: (server: ServerAddress) => Promise<boolean>,
    now: () => number,
  ) {
    this.#order = servers;
    this.#probe = probe;
    this.#now = now;
    this.#health = new Map(servers.map((server) => [server, { isDown: false, isProbing: false, probeAtMs: 0 }]));
  }

  /** Those that may be asked, the best first. */
  available(): readonly ServerAddress[] {
    return this.#order.filter((server) => {
      const health = this.#health.get(server);
      if (health?.isDown === true) this.#check(server, health);
      return health?.isDown !== true;
    });
  }

  /** It failed to answer, or to know: others go first from now on. @param isSilent Nothing was heard of it. */
  failed(server: ServerAddress, isSilent: boolean): void {
    if (this.#order[0] === server) this.#order = [...this.#order.slice(1), server];
    const health = this.#health.get(server);
    if (isSilent && health !== undefined) this.#check(server, health);
  }

  #check(server: ServerAddress, health: Health): void {
    if (health.isProbing || this.#now() < health.probeAtMs) return;
    health.isProbing = true;
    void this.#probe(server).then((answers) => {
      health.isProbing = false;
      health.isDown = !answers;
      health.probeAtMs = this.#now() + PROBE_AGAIN_AFTER_MS;
    });
  }
}
