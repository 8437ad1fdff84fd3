import type { Waiting, WaitingItem } from "@postbus/bus";
import { domainOf } from "@postbus/mail";
import type { Logger } from "pino";
import { Type } from "typebox";
import { Compile } from "typebox/compile";

/** Hosts, and domains of one host, of which it is remembered who waits; about 100 octets each. */
const MAX_HOSTS = 1_000;
const MAX_DOMAINS = 1_000;
/** Items looked at in one go, and made ready at one time. */
const PAGE = 1_000;
const AT_ONCE = 100;
/** No more are made ready while so many are: live mail comes between them. */
const MAX_READY = 500;
const PAUSE_MS = 200;
/** What waits for a dead host is looked at so often a second, however much it is. */
const LOOKS_PER_SECOND = 50;

export interface ReturnedHostsDeps {
  readonly waiting: Pick<Waiting, "list" | "counts" | "takeNow">;
  readonly log: Pick<Logger, "info" | "warn">;
}

interface Waiters {
  readonly domains: Set<string>;
  /** Since its last try. */
  looks: number;
  triedAtMs: number;
}

const headerCheck = Compile(
  Type.Object({
    recipients: Type.Array(Type.Object({ address: Type.String(), lastError: Type.Optional(Type.String()) })),
  }),
);

/**
 * What waits for hosts that are down, and its release when one of them is back: then it need not wait for its own time.
 *
 * While a host is down, the more waits for it, the more rarely each item is looked at again: a backlog takes a bounded part of
 * the machine, whatever its length.
 */
export class ReturnedHosts {
  readonly #deps: ReturnedHostsDeps;
  readonly #waiters = new Map<string, Waiters>();
  /** Of hosts that are back, and whose mail is being released. */
  readonly #returned = new Set<string>();
  #release: Promise<void> | undefined;
  #isStopped = false;

  constructor(deps: ReturnedHostsDeps) {
    this.#deps = deps;
  }

  /**
   * A message waits for the host.
   *
   * @param triedAtMs When that was last tried.
   * @returns over how many milliseconds those that wait are to be spread.
   */
  skipped(host: string, domain: string, triedAtMs: number): number {
    let waiters = this.#waiters.get(host);
    if (waiters === undefined) {
      if (this.#waiters.size >= MAX_HOSTS) this.#forgetOldest();
      waiters = { domains: new Set(), looks: 0, triedAtMs };
      this.#waiters.set(host, waiters);
    }
    if (waiters.triedAtMs !== triedAtMs) {
      waiters.triedAtMs = triedAtMs;
      waiters.looks = 0;
    }
    if (waiters.domains.size < MAX_DOMAINS) waiters.domains.add(domain);
    waiters.looks++;
    return (waiters.looks * 1_000) / LOOKS_PER_SECOND;
  }

  /** The host is not known to be down. Costs nothing where nobody waits for one. */
  isUp(host: string): void {
    if (this.#waiters.size === 0) return;
    const waiters = this.#waiters.get(host);
    if (waiters === undefined) return;
    this.#waiters.delete(host);
    for (const domain of waiters.domains) this.#returned.add(domain);
    this.#release ??= this.#releaseAll().finally(() => {
      this.#release = undefined;
    });
  }

  /** When nothing is being released any more. */
  async settled(): Promise<void> {
    await this.#release;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#release;
  }

  async #releaseAll(): Promise<void> {
    while (this.#returned.size > 0 && !this.#isStopped) {
      const domains = new Set(this.#returned);
      this.#returned.clear();
      try {
        const released = await this.#releaseOf(domains);
        this.#deps.log.info({ domains: domains.size, released }, "a host is back: what waited for it goes on");
      } catch (err) {
        // Their own time comes, too.
        this.#deps.log.warn({ err }, "what waits for a host that is back is not released");
      }
    }
  }

  async #releaseOf(domains: ReadonlySet<string>): Promise<number> {
    const { waiting } = this.#deps;
    let released = 0;
    for (let after: string | undefined; !this.#isStopped; ) {
      const page = await waiting.list({ state: "deferred", limit: PAGE, ...(after === undefined ? {} : { after }) });
      const meant = page.filter((item) => isFor(item, domains));
      for (let at = 0; at < meant.length && !this.#isStopped; at += AT_ONCE) {
        await this.#room();
        const taken = await Promise.all(meant.slice(at, at + AT_ONCE).map(({ id }) => waiting.takeNow(id)));
        released += taken.filter(Boolean).length;
      }
      after = page.at(-1)?.id;
      if (page.length < PAGE) break;
    }
    return released;
  }

  async #room(): Promise<void> {
    while (!this.#isStopped) {
      const { route, deliver } = await this.#deps.waiting.counts();
      if (route + deliver < MAX_READY) return;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  #forgetOldest(): void {
    for (const host of this.#waiters.keys()) {
      this.#waiters.delete(host);
      return;
    }
  }
}

/** It was tried before, and is for one of the domains. */
function isFor({ header }: WaitingItem, domains: ReadonlySet<string>): boolean {
  const seen: unknown = header;
  if (!headerCheck.Check(seen)) return false;
  return seen.recipients.some(({ address, lastError }) => lastError !== undefined && domains.has(domainOf(address)));
}
