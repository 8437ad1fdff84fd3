import type { Waiting, WaitingItem } from "@postbus/bus";
import { domainOf } from "@postbus/mail";
import type { Logger } from "pino";
import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";
import { suspendedName } from "./suspended.ts";

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
  readonly waiting: Pick<Waiting, "list" | "counts" | "takeNow" | "revise">;
  readonly log: Pick<Logger, "info" | "warn">;
}

interface Waiters {
  readonly domains: Set<string>;
  /** Since its last try. */
  looks: number;
  triedAtMs: number;
}

const Header = Type.Object({
  queuedAtMs: Type.Number(),
  recipients: Type.Array(
    Type.Object({
      address: Type.String(),
      lastError: Type.Optional(Type.String()),
      suspended: Type.Optional(Type.String()),
      waitsFor: Type.Optional(Type.Array(Type.String())),
    }),
  ),
});
const headerCheck = Compile(Header);

/** What an operator has suspended no more. */
interface Resumed {
  readonly target: string;
  /** What has been put off since then has been tried since then. */
  readonly atMs: number;
}

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
  #resumed: Resumed[] = [];
  /** Until that is done: what is to be looked for after a start. */
  #isSuspended: ((target: string) => boolean) | undefined;
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
    const waiters = this.#waitersFor(host, domain, triedAtMs);
    if (waiters.triedAtMs !== triedAtMs) {
      waiters.triedAtMs = triedAtMs;
      waiters.looks = 0;
    }
    waiters.looks++;
    return (waiters.looks * 1_000) / LOOKS_PER_SECOND;
  }

  /** The host is not known to be down. Costs nothing where nobody waits for one. */
  isUp(host: string): void {
    if (this.#waiters.size === 0) return;
    const waiters = this.#waiters.get(host);
    if (waiters === undefined) return;
    this.#waiters.delete(host);
    // Who has failed there has its own time soon; others had to wait.
    if (waiters.looks === 0) return;
    for (const domain of waiters.domains) this.#returned.add(domain);
    this.#start();
  }

  /**
   * A suspension is over: whatever waits for its domain or host is tried, also before its retry time.
   *
   * @param atMs Milliseconds since the epoch.
   */
  resumed(target: string, atMs: number): void {
    this.#waiters.delete(suspendedName(target));
    this.#resumed.push({ target, atMs });
    this.#start();
  }

  /**
   * It is known what is suspended: what an earlier process has put off for a suspension that has ended since is tried.
   *
   * @param isSuspended Whether something still is.
   */
  started(isSuspended: (target: string) => boolean): void {
    this.#isSuspended = isSuspended;
    this.#start();
  }

  /** When nothing is being released any more. */
  async settled(): Promise<void> {
    await this.#release;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#release;
  }

  #start(): void {
    this.#release ??= this.#releaseAll().finally(() => {
      this.#release = undefined;
    });
  }

  async #releaseAll(): Promise<void> {
    const { log, waiting } = this.#deps;
    while (this.#hasWork && !this.#isStopped) {
      const resumed = this.#resumed.splice(0);
      const isSuspended = this.#isSuspended;
      this.#isSuspended = undefined;
      const domains = new Set(this.#returned);
      this.#returned.clear();
      try {
        if (resumed.length > 0) {
          const released = await this.#resume((header) => resumed.some((one) => isFreedBy(header, one)));
          const targets = resumed.map(({ target }) => target);
          log.info({ targets, released }, "a suspension is over: what waited for it goes on");
        }
        if (isSuspended !== undefined) {
          const released = await this.#resume(({ recipients }) =>
            recipients.some(({ suspended }) => suspended !== undefined && !isSuspended(suspended)),
          );
          if (released > 0) log.info({ released }, "suspensions have ended meanwhile: what waited for them goes on");
        }
        if (domains.size > 0) {
          const released = await this.#releaseThose(
            (header) => isFor(header, domains),
            ({ id }) => waiting.takeNow(id),
          );
          log.info({ domains: domains.size, released }, "a host is back: what waited for it goes on");
        }
      } catch (err) {
        // Their own time comes, too.
        log.warn({ err }, "what waits for a host that is back is not released");
      }
    }
  }

  get #hasWork(): boolean {
    return this.#returned.size + this.#resumed.length > 0 || this.#isSuspended !== undefined;
  }

  /** Also before its retry time. */
  #resume(isMeant: (header: Static<typeof Header>) => boolean): Promise<number> {
    const { waiting } = this.#deps;
    return this.#releaseThose(
      isMeant,
      async ({ id, header }) =>
        (await waiting.revise(id, { ...(header as object), isResumed: true })) && (await waiting.takeNow(id)),
    );
  }

  async #releaseThose(
    isMeant: (header: Static<typeof Header>) => boolean,
    release: (item: WaitingItem) => Promise<boolean>,
  ): Promise<number> {
    const { waiting } = this.#deps;
    let released = 0;
    for (let after: string | undefined; !this.#isStopped; ) {
      const page = await waiting.list({ state: "deferred", limit: PAGE, ...(after === undefined ? {} : { after }) });
      const meant = page.filter(({ header }) => headerCheck.Check(header) && isMeant(header));
      for (let at = 0; at < meant.length && !this.#isStopped; at += AT_ONCE) {
        await this.#room();
        const taken = await Promise.all(meant.slice(at, at + AT_ONCE).map(release));
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

  #waitersFor(host: string, domain: string, triedAtMs: number): Waiters {
    let waiters = this.#waiters.get(host);
    if (waiters === undefined) {
      if (this.#waiters.size >= MAX_HOSTS) this.#forgetOldest();
      waiters = { domains: new Set(), looks: 0, triedAtMs };
      this.#waiters.set(host, waiters);
    }
    if (waiters.domains.size < MAX_DOMAINS) waiters.domains.add(domain);
    return waiters;
  }

  #forgetOldest(): void {
    for (const host of this.#waiters.keys()) {
      this.#waiters.delete(host);
      return;
    }
  }
}

/** It was tried before, and is for one of the domains. */
const isFor = ({ recipients }: Static<typeof Header>, domains: ReadonlySet<string>): boolean =>
  recipients.some(({ address, lastError }) => lastError !== undefined && domains.has(domainOf(address)));

/** What has failed at the host, or was not tried there, says so itself: whichever process has found that out. */
const isFreedBy = (header: Static<typeof Header>, { target, atMs }: Resumed): boolean =>
  header.queuedAtMs <= atMs &&
  (isFor(header, new Set([target])) ||
    header.recipients.some(
      ({ suspended, waitsFor = [] }) => suspended === target || waitsFor.some((key) => isOfHost(key, target)),
    ));

/** @param key `T:name:address`, and what may follow. */
function isOfHost(key: string, target: string): boolean {
  const text = `${key.toLowerCase()}:`;
  return text.startsWith("t:") && (text.includes(`:${target}:`) || text.includes(`:[${target}]:`));
}
