import type { HostTerms, SmtpTransport } from "@postbus/policy";
import type { AttemptEvents } from "../events/attempt-events.ts";
import type { ClientContexts } from "./client-contexts.ts";
import { DeadlineSweep, type Swept } from "./deadline-sweep.ts";
import { type Acquired, HostConnections, type HostOptions } from "./host-connections.ts";
import type { HostLeases } from "./host-leases.ts";
import type { NextHop } from "./next-hop.ts";
import type { Protection } from "./protection.ts";
import { TlsSessions } from "./tls-sessions.ts";

/** Next hops remembered at one time; those without a connection and without a recent failure go first. */
const MAX_HOSTS = 10_000;

/** So long a connection is kept to a host of which others wait for their turn. */
const SHARED_IDLE_MS = 1_000;

export interface PoolOptions {
  /** How long a connection is kept without work. */
  readonly idleMs: number;
  /** For TLS. */
  readonly contexts: ClientContexts;
  /** In how many parts what is limited for the fleet is divided; absent: this is the only process. */
  readonly share?: () => number;
  /** For `serialize_hosts`; absent: this is the only process. */
  readonly leases?: HostLeases;
  /** How often deadlines are looked at; tests make it short. */
  readonly sweepMs?: number;
  /** How long a host is known before messages follow each other closely; tests make it short. */
  readonly steadyMs?: number;
}

interface Wanted {
  readonly terms: HostTerms;
  readonly protection: Protection;
  readonly fresh?: boolean;
  readonly isHurried?: boolean;
  readonly events?: AttemptEvents | undefined;
}

/** All outgoing connections of the process, by next hop and transport. */
export class ConnectionPool implements Swept {
  readonly #options: PoolOptions;
  readonly #sweep: DeadlineSweep;
  readonly #sessions = new TlsSessions();
  readonly #hosts = new Map<string, HostConnections>();
  readonly #ids = new WeakMap<SmtpTransport | HostTerms, string>();
  readonly #idsByKey = new Map<string, string>();
  #lastId = 0;
  #empty = Promise.withResolvers<void>();

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#sweep = new DeadlineSweep(options.sweepMs);
    this.#sweep.add(this);
  }

  get openCount(): number {
    let count = 0;
    for (const host of this.#hosts.values()) count += host.openCount;
    return count;
  }

  /**
   * @param terms What the transport says about the host.
   * @param fresh Not one that was kept from an earlier message.
   * @param isHurried An operator wants it tried, also if the host was not reached a moment ago.
   * @param events Of the message for which it is; absent: the transport has no `event_action`.
   */
  acquire(
    hop: NextHop,
    transport: SmtpTransport,
    { terms, protection, fresh = false, isHurried = false, events }: Wanted,
  ): Acquired | Promise<Acquired> {
    if (terms.isSerialized) {
      if (this.#isBusyElsewhere(hop)) return { kind: "limit" };
      const { leases } = this.#options;
      if (leases?.isHeld(hop.name) === false) {
        return this.#acquireLeased(leases, hop, () =>
          this.#host(hop, transport, terms, protection).acquire(fresh, events, isHurried),
        );
      }
    }
    return this.#host(hop, transport, terms, protection).acquire(fresh, events, isHurried);
  }

  async #acquireLeased(
    leases: HostLeases,
    hop: NextHop,
    acquire: () => Acquired | Promise<Acquired>,
  ): Promise<Acquired> {
    if (!(await leases.take(hop.name)) || this.#isBusyElsewhere(hop)) return { kind: "limit" };
    return acquire();
  }

  /** `serialize_hosts` is about a host's name, whatever its addresses are. */
  #isBusyElsewhere({ name, address, port }: NextHop): boolean {
    for (const host of this.#hosts.values()) {
      const { hop } = host;
      if (hop.name === name && !(hop.address === address && hop.port === port) && host.openCount > 0) return true;
    }
    return false;
  }

  sweep(nowMs: number): void {
    for (const [key, host] of this.#hosts) {
      host.sweep(nowMs);
      if (host.isForgettable(nowMs)) this.#hosts.delete(key);
    }
    this.#options.leases?.keepOnly((name) =>
      this.#hosts.values().some((host) => host.hop.name === name && host.isInUse),
    );
  }

  /**
   * The process ends soon: what waits for a connection or a reply is deferred, but for what waits for the reply to its
   * final dot, and no connection is opened any more.
   */
  hurry(): void {
    this.#sweep.isHurried = true;
  }

  /** For the end of the process: nothing is in work any more. Waits for the peers to have heard our QUIT. */
  async close(): Promise<void> {
    this.#sweep.remove(this);
    for (const host of this.#hosts.values()) host.close();
    this.#empty = Promise.withResolvers();
    if (this.openCount > 0) await this.#empty.promise;
    await this.#options.leases?.stop();
    this.#sweep.stop();
  }

  /** Connections under other options, of another policy or another message, are others. */
  #host(hop: NextHop, transport: SmtpTransport, terms: HostTerms, protection: Protection): HostConnections {
    const key = `${this.#idOf(transport)} ${this.#idOf(terms)} ${protection} ${hop.address} ${hop.port} ${hop.name}`;
    const known = this.#hosts.get(key);
    if (known !== undefined) return known;
    if (this.#hosts.size >= MAX_HOSTS) this.#forgetOne();
    const host = new HostConnections({
      hop,
      transport,
      terms,
      protection,
      contexts: this.#options.contexts,
      sessions: terms.resumesTls ? this.#sessions.place(key) : undefined,
      idleMs: this.#options.idleMs,
      ...(terms.isSerialized ? this.#alone(hop) : {}),
      ...(this.#options.share === undefined ? {} : { share: this.#options.share }),
      sweep: this.#sweep,
      steadyMs: this.#options.steadyMs,
      onEmpty: () => {
        if (this.openCount === 0) this.#empty.resolve();
      },
    });
    this.#hosts.set(key, host);
    return host;
  }

  /** Others wait for its host: it is not kept longer than it is used. */
  #alone({ name }: NextHop): Partial<HostOptions> {
    const { leases, idleMs } = this.#options;
    return leases === undefined
      ? {}
      : {
          mayConnect: () => leases.isHeld(name),
          takeTurn: () => leases.take(name),
          idleMs: Math.min(idleMs, SHARED_IDLE_MS),
        };
  }

  /** A short name for what a thing says of connections: the key is long, and nearly always of the same thing. */
  #idOf(thing: SmtpTransport | HostTerms): string {
    const known = this.#ids.get(thing);
    if (known !== undefined) return known;
    if (this.#idsByKey.size >= MAX_HOSTS) this.#idsByKey.clear();
    const id = this.#idsByKey.getOrInsertComputed(thing.key, () => String(++this.#lastId));
    this.#ids.set(thing, id);
    return id;
  }

  #forgetOne(): void {
    for (const [key, host] of this.#hosts) {
      if (host.openCount > 0) continue;
      this.#hosts.delete(key);
      return;
    }
  }
}
