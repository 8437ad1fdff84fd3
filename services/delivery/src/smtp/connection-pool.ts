import type { SmtpTransport } from "@postbus/policy";
import { DeadlineSweep, type Swept } from "./deadline-sweep.ts";
import { type Acquired, HostConnections, type HostOptions } from "./host-connections.ts";
import type { NextHop } from "./next-hop.ts";
import type { Protection } from "./protection.ts";

/** Next hops remembered at one time; those without a connection and without a recent failure go first. */
const MAX_HOSTS = 10_000;

export interface PoolOptions {
  /** Our name in EHLO. */
  readonly heloName: () => string;
  /** How long a connection is kept without work. */
  readonly idleMs: number;
  /** The authorities that a name stands for (`tls_verify_certificates`). @throws {ConfigError} they cannot be read. */
  readonly authorities: HostOptions["authorities"];
  /** How often deadlines are looked at; tests make it short. */
  readonly sweepMs?: number;
}

/** All outgoing connections of the process, by next hop and transport. */
export class ConnectionPool implements Swept {
  readonly #options: PoolOptions;
  readonly #sweep: DeadlineSweep;
  readonly #hosts = new Map<string, HostConnections>();
  readonly #names = new WeakMap<SmtpTransport, string>();
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

  /** @param fresh Not one that was kept from an earlier message. */
  acquire(
    hop: NextHop,
    transport: SmtpTransport,
    { protection, fresh = false }: { readonly protection: Protection; readonly fresh?: boolean },
  ): Acquired | Promise<Acquired> {
    return this.#host(hop, transport, protection).acquire(fresh);
  }

  sweep(nowMs: number): void {
    for (const [key, host] of this.#hosts) {
      host.sweep(nowMs);
      if (host.isForgettable(nowMs)) this.#hosts.delete(key);
    }
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
    this.#sweep.stop();
  }

  #host(hop: NextHop, transport: SmtpTransport, protection: Protection): HostConnections {
    const key = `${this.#nameOf(transport)} ${protection} ${hop.address} ${hop.port} ${hop.name}`;
    const known = this.#hosts.get(key);
    if (known !== undefined) return known;
    if (this.#hosts.size >= MAX_HOSTS) this.#forgetOne();
    const host = new HostConnections({
      hop,
      transport,
      protection,
      authorities: this.#options.authorities,
      heloName: this.#options.heloName(),
      idleMs: this.#options.idleMs,
      sweep: this.#sweep,
      onEmpty: () => {
        if (this.openCount === 0) this.#empty.resolve();
      },
    });
    this.#hosts.set(key, host);
    return host;
  }

  /** Connections under other options, of another policy or another message, are others. */
  #nameOf(transport: SmtpTransport): string {
    const known = this.#names.get(transport);
    if (known !== undefined) return known;
    const { hosts, maxRcpt, message, ...ofConnections } = transport;
    const name = Object.values(ofConnections).join(" ");
    this.#names.set(transport, name);
    return name;
  }

  #forgetOne(): void {
    for (const [key, host] of this.#hosts) {
      if (host.openCount > 0) continue;
      this.#hosts.delete(key);
      return;
    }
  }
}
