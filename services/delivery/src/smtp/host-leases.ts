import { createHash } from "node:crypto";
import type { KeyValue } from "@postbus/bus";

/** Whoever has died keeps a host from the others for so long at most. */
const LEASE_MS = 20_000;
const RENEW_MS = 5_000;
/** The store has to answer in this time; else the host is taken for busy. */
const ANSWER_MS = 5_000;
/** Somebody else has it: the store is not asked again for so long. */
const REFUSED_MS = 1_000;
/** Refusals remembered at one time. */
const MAX_REFUSED = 1_000;

export interface HostLeasesOptions {
  readonly values: Pick<KeyValue, "create" | "update">;
  /** This process, for whoever looks into the store. */
  readonly holder: string;
  /** Monotonic, in milliseconds. */
  readonly now: () => number;
  /** Tests make it short. */
  readonly renewMs?: number;
}

interface Lease {
  revision: number;
  /** What was written last holds until then, counted from before it was written. */
  untilMs: number;
  isRenewing: boolean;
}

/**
 * `serialize_hosts` in a fleet: which of its hosts this process may have a connection to. Others may not as long as it renews its
 * lease; when it has died, the lease ends by itself.
 */
export class HostLeases {
  readonly #options: HostLeasesOptions;
  readonly #held = new Map<string, Lease>();
  readonly #taking = new Map<string, Promise<boolean>>();
  /** By name, until when. */
  readonly #refused = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: HostLeasesOptions) {
    this.#options = options;
  }

  isHeld(host: string): boolean {
    const lease = this.#held.get(host);
    return lease !== undefined && this.#options.now() < lease.untilMs;
  }

  /** @returns whether the host is ours now. False, too, while the store does not answer. */
  take(host: string): Promise<boolean> {
    const { now } = this.#options;
    if ((this.#refused.get(host) ?? Number.NEGATIVE_INFINITY) > now()) return Promise.resolve(false);
    return this.#taking.getOrInsertComputed(host, () => this.#take(host).finally(() => this.#taking.delete(host)));
  }

  /** Gives back all that are not needed any more. */
  keepOnly(isNeeded: (host: string) => boolean): void {
    for (const host of this.#held.keys()) if (!isNeeded(host)) void this.#release(host);
  }

  /** Gives all back. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all([...this.#held.keys()].map((host) => this.#release(host)));
  }

  async #take(host: string): Promise<boolean> {
    const { values, holder, now } = this.#options;
    const untilMs = now() + LEASE_MS;
    let isLate = false;
    const taking = values.create(keyOf(host), { holder, host }, { ttlMs: LEASE_MS }).then(
      (revision) => {
        // Nobody waits for it any more.
        if (isLate && revision !== undefined) void this.#giveBack(host, revision);
        return revision;
      },
      () => undefined,
    );
    const revision = await inTime(taking);
    isLate = true;
    if (revision === undefined) {
      if (this.#refused.size >= MAX_REFUSED) this.#refused.clear();
      this.#refused.set(host, now() + REFUSED_MS);
      return false;
    }
    this.#held.set(host, { revision, untilMs, isRenewing: false });
    this.#timer ??= setInterval(() => this.#renewAll(), this.#options.renewMs ?? RENEW_MS).unref();
    return true;
  }

  #renewAll(): void {
    for (const [host, lease] of this.#held) if (!lease.isRenewing) void this.#renew(host, lease);
  }

  async #renew(host: string, lease: Lease): Promise<void> {
    const { values, holder, now } = this.#options;
    const untilMs = now() + LEASE_MS;
    lease.isRenewing = true;
    try {
      const revision = await values.update(keyOf(host), { holder, host }, lease.revision, { ttlMs: LEASE_MS });
      if (revision === undefined) {
        // It had ended, and may be somebody else's.
        if (this.#held.get(host) === lease) this.#held.delete(host);
        return;
      }
      lease.revision = revision;
      lease.untilMs = untilMs;
      // Given back meanwhile, and then written again.
      if (this.#held.get(host) !== lease) await this.#giveBack(host, revision);
    } catch {
      // Without the store it ends by itself, which `isHeld` says in time.
      if (now() >= lease.untilMs && this.#held.get(host) === lease) this.#held.delete(host);
    } finally {
      lease.isRenewing = false;
    }
  }

  async #release(host: string): Promise<void> {
    const lease = this.#held.get(host);
    this.#held.delete(host);
    if (lease !== undefined) await this.#giveBack(host, lease.revision);
  }

  /** Not deleted: it may be somebody else's by then. Where the store does not answer, it ends by itself. */
  async #giveBack(host: string, revision: number): Promise<void> {
    const { values, holder } = this.#options;
    await inTime(values.update(keyOf(host), { holder, host }, revision, { ttlMs: 1 }).catch(() => undefined));
  }
}

const keyOf = (host: string): string => createHash("sha256").update(host.toLowerCase(), "latin1").digest("hex");

async function inTime<T>(answer: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ANSWER_MS);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
