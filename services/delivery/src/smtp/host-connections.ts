// One file because it is one state: each connection that comes, ends or is given on decides what the waiting ones get.
import type { HostTerms, SmtpTransport } from "@postbus/policy";
import type { AttemptEvents } from "../events/attempt-events.ts";
import type { ClientContexts } from "./client-contexts.ts";
import { SmtpConnection } from "./connection.ts";
import type { DeadlineSweep } from "./deadline-sweep.ts";
import { localEnd } from "./host-facts.ts";
import type { NextHop } from "./next-hop.ts";
import { CLOSED_AT_ONCE, type OpenFailure, REFUSED_BY_EVENT } from "./open-failure.ts";
import type { Protection } from "./protection.ts";
import { proxiedSocket } from "./proxied-socket.ts";
import type { SessionPlace } from "./tls-sessions.ts";

/** After a failure to connect, nobody else tries for so long; doubled with each failure, up to the second value. */
const FIRST_BACK_OFF_MS = 5_000;
const MAX_BACK_OFF_MS = 30_000;
/** For a connection to become free; as long as a peer may take for one command (RFC 5321 §4.5.3.2). */
const MAX_WAIT_MS = 300_000;
/**
 * A host that takes all its connections and lets none go for so long has stalled: nobody waits for it any more, so that
 * it does not hold the places of mail for others. Far above what a transaction takes where anything moves.
 */
const STALL_MS = 10_000;
/**
 * One more connection, kept or new, is used when somebody has waited so long for those that are in use. A host that
 * answers in no time is served by few, also after a pause when much comes at once: what it has accepted and a process
 * that dies has not read yet, one for each, is sent again.
 */
const PRESSURE_MS = 100;
/**
 * A host that answers a final dot in this time waits for us, not we for it: further connections do not make it faster.
 * So many must be waiting, for each connection in use, to use one more; and half as many to keep it.
 */
const NEAR_MS = 5;
/** Until a host has answered, it is taken to be a near one. */
const FIRST_GUESS_MS = 0.5;
/** What is believed of a host's time grows by this with each look; its answers say better. */
const DOUBT = 1.5;
/** Whoever takes longer than this for every answer is far away, or slow: as many connections more as are in use, at each look. */
const FAR_MS = 25;
const WAITING_FOR_EACH = 8;
/** And the first of them so long, that is, the host does not keep up; what has come at once is gone before. */
const NEAR_PRESSURE_MS = 2_000;
/**
 * So long after the first message for a host, the next envelope begins to leave with the final dot of the one before. From there on
 * there is, under load, at every moment instead of at every second one a message under way that is sent again if the process dies;
 * and a process that has just been started is likelier than others to die.
 */
const STEADY_MS = 2_000;

export type Acquired =
  /** @property notes What the log should know about how it came about. */
  | { readonly kind: "connection"; readonly connection: SmtpConnection; readonly notes?: readonly string[] }
  | { readonly kind: "failed"; readonly failure: OpenFailure }
  /** The host was not reached a moment ago. */
  | { readonly kind: "backing off" }
  /** All connections were taken for the whole wait. */
  | { readonly kind: "limit" };

export interface HostOptions {
  readonly hop: NextHop;
  readonly transport: SmtpTransport;
  /** What the transport says about this host. */
  readonly terms: HostTerms;
  readonly protection: Protection;
  readonly contexts: ClientContexts;
  /** `tls_resumption_hosts` */
  readonly sessions?: SessionPlace | undefined;
  readonly idleMs: number;
  /** In how many parts what is limited for the fleet is divided. */
  readonly share?: () => number;
  readonly sweep: DeadlineSweep;
  /** Instead of {@link STEADY_MS}. */
  readonly steadyMs?: number | undefined;
  /** Whether it is this process's turn; absent: always. */
  readonly mayConnect?: () => boolean;
  /** Asks for its turn. @returns whether it is; never rejects. */
  readonly takeTurn?: () => Promise<boolean>;
  /** The last connection is gone. */
  readonly onEmpty: () => void;
}

type Waiter = PromiseWithResolvers<Acquired> & {
  readonly sinceMs: number;
  readonly deadlineMs: number;
  /** Not behind the final dot of another message: there it was unanswered. */
  readonly fresh: boolean;
};
type Opened =
  | { readonly connection: SmtpConnection; readonly notes: readonly string[] }
  | { readonly connection?: undefined; readonly failure: OpenFailure };

/** The connections to one next hop for one transport: kept, shared, limited, and not asked for where there is no hope. */
export class HostConnections {
  readonly #options: HostOptions;
  /** The one used last is on top: the others get the chance to grow idle and be closed. */
  readonly #idle: SmtpConnection[] = [];
  readonly #waiters: Waiter[] = [];
  /** Those being opened included. */
  #openCount = 0;
  #readyCount = 0;
  #probing = false;
  #backOffMs = 0;
  #backOffUntilMs = 0;
  #isClosing = false;
  #pressure: NodeJS.Timeout | undefined;
  #wasLate = false;
  #isAsking = false;
  readonly #knownSinceMs: number;
  /** The shortest time to the reply to a final dot, since the last look; and whether it was long when there was one last. */
  #answerMs = Number.POSITIVE_INFINITY;
  #isFar = false;
  /** From final dot to reply, the shortest time of late: what is added when this process is short of time is not the host's. */
  #replyMs = FIRST_GUESS_MS;
  /** When a connection was opened, or had done a message. */
  #movedAtMs: number;

  constructor(options: HostOptions) {
    this.#options = options;
    this.#movedAtMs = this.#knownSinceMs = options.sweep.nowMs;
  }

  /** Those being opened included. */
  get #inUse(): number {
    return this.#openCount - this.#idle.length;
  }

  /** Of the message that has asked last: connections are opened for it. */
  #events: AttemptEvents | undefined;

  get hop(): NextHop {
    return this.#options.hop;
  }

  get openCount(): number {
    return this.#openCount;
  }

  /** Connected, or wanted. */
  get isInUse(): boolean {
    return this.#openCount > 0 || this.#waiters.length > 0;
  }

  /** Nothing would be lost by forgetting it. */
  isForgettable(nowMs: number): boolean {
    return !this.isInUse && nowMs >= this.#backOffUntilMs + MAX_BACK_OFF_MS;
  }

  /**
   * @param fresh Not one that was kept: those have just turned out to be dead.
   * @param isHurried Also if the host was not reached a moment ago, unless somebody finds out just now whether it is.
   */
  acquire(fresh = false, events?: AttemptEvents, isHurried = false): Acquired | Promise<Acquired> {
    this.#events = events;
    if (isHurried) this.#backOffUntilMs = 0;
    if (fresh) this.#closeIdle();
    if (this.#inUse === 0 || this.#options.sweep.isHurried) {
      const kept = this.#takeIdle();
      if (kept !== undefined) return { kind: "connection", connection: kept.acquire() };
    }
    if (this.#options.sweep.isHurried) return { kind: "limit" };
    if (this.#mayOpen() && (this.#openCount === 0 || fresh)) return this.#openForCaller(fresh);
    if (this.#readyCount === 0 && this.#isBackingOff()) return { kind: "backing off" };
    return this.#hasStalled(this.#options.sweep.nowMs) ? { kind: "limit" } : this.#wait(fresh);
  }

  /**
   * One at one time, for a host in `serialize_hosts`. A limit that is the operator's is one of the fleet; each process has its
   * part of it, and one at least.
   */
  get #maxConnections(): number {
    const { terms, transport, share } = this.#options;
    if (terms.isSerialized) return 1;
    if (share === undefined || !transport.isLimitOfFleet) return transport.maxConnections;
    return Math.max(1, Math.floor(transport.maxConnections / share()));
  }

  #hasStalled(nowMs: number): boolean {
    const isFull = this.#openCount >= this.#maxConnections;
    return isFull && this.#idle.length === 0 && this.#readyCount > 0 && nowMs - this.#movedAtMs > STALL_MS;
  }

  #release(connection: SmtpConnection): void {
    if (!this.#mayGoOn(connection)) {
      connection.quit();
    } else if (!this.#giveToWaiter(connection)) {
      connection.idle(this.#options.idleMs);
      this.#idle.push(connection);
    }
  }

  #isSteady(steadyMs: number): boolean {
    return this.#options.sweep.nowMs - this.#knownSinceMs >= steadyMs;
  }

  #mayGoOn({ messageCount, limits }: SmtpConnection): boolean {
    const most = Math.min(this.#options.transport.connectionMaxMessages || Infinity, limits.maxMessages ?? Infinity);
    // The limit may have become smaller: another process of the fleet has its part of it now.
    const isTooMany = this.#openCount > this.#maxConnections;
    return !this.#isClosing && messageCount < most && !isTooMany && this.#isOurTurn;
  }

  #giveToWaiter(connection: SmtpConnection, isBehindDot = false): boolean {
    const [waiter] = this.#waiters;
    if (waiter === undefined || (isBehindDot && waiter.fresh) || !this.#isWorthKeeping()) return false;
    this.#serveNext(connection);
    return true;
  }

  #serveNext(connection: SmtpConnection): void {
    this.#waiters.shift()?.resolve({ kind: "connection", connection: connection.acquire() });
  }

  /** Waiters whose time is up. */
  sweep(nowMs: number): void {
    while (this.#waiters[0] !== undefined && this.#waiters[0].deadlineMs <= nowMs) {
      this.#waiters.shift()?.resolve({ kind: "limit" });
    }
    if (this.#options.sweep.isHurried || this.#hasStalled(nowMs))
      for (const waiter of this.#waiters.splice(0)) waiter.resolve({ kind: "limit" });
    this.#serveWaiters();
  }

  /** Takes leave of those that are idle; the others are closed when they come back. */
  close(): void {
    this.#isClosing = true;
    this.#closeIdle();
  }

  #takeIdle(): SmtpConnection | undefined {
    while (this.#idle.length > 0) {
      const connection = this.#idle.pop();
      if (connection?.isReady) return connection;
    }
    return undefined;
  }

  #closeIdle(): void {
    for (const connection of this.#idle.splice(0)) connection.quit();
  }

  #isBackingOff(): boolean {
    return this.#probing || this.#options.sweep.nowMs < this.#backOffUntilMs;
  }

  /** A host that failed last time is tried by one at first, so that a dead one does not hold many items up. */
  #mayOpen(): boolean {
    return this.#openCount < this.#maxConnections && !this.#isBackingOff() && this.#isOurTurn;
  }

  get #isOurTurn(): boolean {
    return this.#options.mayConnect?.() ?? true;
  }

  #wait(fresh: boolean): Promise<Acquired> {
    const deadlineMs = this.#options.sweep.deadline(MAX_WAIT_MS);
    const waiter = { ...Promise.withResolvers<Acquired>(), sinceMs: performance.now(), deadlineMs, fresh };
    this.#waiters.push(waiter);
    this.#watchPressure();
    return waiter.promise;
  }

  /** Whose turn it was, and for whom no connection could be opened. */
  #waitOn(waiter: Waiter): void {
    this.#waiters.unshift(waiter);
    this.#watchPressure();
  }

  #watchPressure(): void {
    if (this.#idle.length === 0 && this.#openCount >= this.#maxConnections) return;
    if (this.#pressure !== undefined) return;
    const dueMs = performance.now() + PRESSURE_MS;
    this.#pressure = setTimeout(() => {
      this.#pressure = undefined;
      const [oldest] = this.#waiters;
      if (oldest === undefined) return;
      // A timer that comes late says that this process stood still: the answers are there and not read yet.
      const nowMs = performance.now();
      this.#wasLate = !this.#wasLate && nowMs - dueMs > PRESSURE_MS / 2;
      if (!this.#wasLate) {
        this.#learn();
        for (let more = this.#isFar ? this.#inUse : 1; more > 0; more--) {
          if (this.#isWorthOneMore(nowMs)) this.#useOneMore();
        }
      }
      this.#watchPressure();
    }, PRESSURE_MS).unref();
  }

  /** What the last moments say of the host. */
  #learn(): void {
    if (Number.isFinite(this.#answerMs)) this.#isFar = this.#answerMs > FAR_MS;
    this.#answerMs = Number.POSITIVE_INFINITY;
    this.#replyMs *= DOUBT;
  }

  #isWorthOneMore(nowMs: number): boolean {
    const [oldest] = this.#waiters;
    const waitedMs = oldest === undefined ? 0 : nowMs - oldest.sinceMs;
    if (this.#isFar || this.#replyMs > NEAR_MS) return waitedMs >= PRESSURE_MS;
    return waitedMs >= NEAR_PRESSURE_MS && this.#waiters.length >= WAITING_FOR_EACH * this.#inUse;
  }

  #isWorthKeeping(): boolean {
    return this.#isFar || this.#replyMs > NEAR_MS || this.#waiters.length >= (WAITING_FOR_EACH / 2) * (this.#inUse - 1);
  }

  #useOneMore(): void {
    const kept = this.#takeIdle();
    if (kept !== undefined) this.#serveNext(kept);
    else if (this.#mayOpen()) this.#openForWaiter();
  }

  async #openForCaller(fresh: boolean): Promise<Acquired> {
    return (await this.#openedNow()) ?? this.#wait(fresh);
  }

  /** @returns undefined if the host serves us, only not so many at one time: then one of its connections is worth waiting for. */
  async #openedNow(): Promise<Acquired | undefined> {
    const opened = await this.#open();
    if (opened.connection !== undefined) {
      const { connection, notes } = opened;
      return { kind: "connection", connection, ...(notes.length === 0 ? {} : { notes }) };
    }
    if (this.#readyCount > 0 && !this.#isFinal(opened.failure)) return undefined;
    return { kind: "failed", failure: opened.failure };
  }

  async #open(): Promise<Opened> {
    this.#openCount++;
    const isProbe = this.#backOffMs > 0;
    this.#probing ||= isProbe;
    try {
      const opened = await this.#connectAs();
      if (opened.connection === undefined) {
        this.#failed(opened.failure);
        this.#gone();
      } else {
        this.#readyCount++;
        this.#movedAtMs = this.#options.sweep.nowMs;
        this.#backOffMs = 0;
        this.#backOffUntilMs = 0;
      }
      return opened;
    } finally {
      if (isProbe) this.#probing = false;
      queueMicrotask(() => this.#serveWaiters());
    }
  }

  #connectAs(): Promise<Opened> {
    const { protection, transport, terms } = this.#options;
    return this.#connect(protection !== "usual" || transport.startsWithTls ? "required" : terms.tls);
  }

  async #connect(tls: HostTerms["tls"]): Promise<Opened> {
    const { hop, transport, terms, protection, contexts, sessions, sweep, steadyMs = STEADY_MS } = this.#options;
    const events = this.#events;
    if (events !== undefined && (await events.connecting(hop)) !== "") return { failure: REFUSED_BY_EVENT };
    const { proxies, interfaces } = terms;
    const proxied =
      proxies.length === 0
        ? undefined
        : await proxiedSocket(proxies, hop, localEnd(interfaces, hop.address), transport.connectTimeoutMs);
    if (proxied !== undefined && !("socket" in proxied)) {
      return { failure: { ...proxied, isPermanent: false, isTls: false, isConnect: true } };
    }
    let isReady = false;
    const connection = new SmtpConnection({
      hop,
      transport,
      terms,
      tls,
      requiresRequireTls: protection === "verified" || protection === "offered",
      isVerified: protection === "verified",
      contexts,
      sessions,
      proxied,
      events,
      sweep,
      onAnswered: (replyMs) => this.#answered(replyMs),
      onReleased: (released) => this.#release(released),
      onFinalDot: (dotted) => this.#isSteady(steadyMs) && this.#mayGoOn(dotted) && this.#giveToWaiter(dotted, true),
      onClosed: (closed) => {
        if (isReady) this.#closed(closed);
      },
    });
    const failure = (await connection.opened()) ?? (connection.isReady ? undefined : CLOSED_AT_ONCE);
    const { notes } = connection;
    if (failure === undefined) {
      isReady = true;
      return { connection: connection.acquire(), notes };
    }
    if (!failure.isTls || tls !== "offered" || !transport.triesClear) return { failure: { ...failure, notes } };
    // Clear text is what the peer would have got without STARTTLS (Exim: tls_tempfail_tryclear).
    const inClear = await this.#connect("never");
    if (inClear.connection === undefined) return inClear;
    inClear.connection.stepsBefore = failure.steps ?? "";
    const { name, address } = hop;
    const note = `${failure.text}: delivering unencrypted to H=${name} [${address}] (not in hosts_require_tls)`;
    return { ...inClear, notes: [...notes, note, ...inClear.notes] };
  }

  #answered(replyMs: number | undefined): void {
    this.#movedAtMs = this.#options.sweep.nowMs;
    if (replyMs === undefined) return;
    this.#answerMs = Math.min(replyMs, this.#answerMs);
    this.#replyMs = Math.min(replyMs, this.#replyMs);
  }

  /** The host has answered, and would not answer otherwise a moment later. */
  #isFinal({ isPermanent, lacks }: OpenFailure): boolean {
    return isPermanent || (lacks !== undefined && this.#options.protection !== "usual");
  }

  #failed(failure: OpenFailure): void {
    if (this.#isFinal(failure)) return;
    const { nowMs } = this.#options.sweep;
    // Attempts that were under way together are one failure.
    if (nowMs >= this.#backOffUntilMs) {
      this.#backOffMs = Math.min(this.#backOffMs * 2 || FIRST_BACK_OFF_MS, MAX_BACK_OFF_MS);
      this.#backOffUntilMs = nowMs + this.#backOffMs;
    }
    if (this.#readyCount > 0) return;
    for (const waiter of this.#waiters.splice(0)) waiter.resolve({ kind: "backing off" });
  }

  #closed(connection: SmtpConnection): void {
    this.#readyCount--;
    const place = this.#idle.indexOf(connection);
    if (place >= 0) this.#idle.splice(place, 1);
    this.#gone();
    this.#serveWaiters();
  }

  #gone(): void {
    this.#openCount--;
    if (this.#openCount === 0) this.#options.onEmpty();
  }

  #openForWaiter(): void {
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) this.#openFor(waiter).catch(waiter.reject);
  }

  async #openFor(waiter: Waiter): Promise<void> {
    const acquired = await this.#openedNow();
    if (acquired === undefined) this.#waitOn(waiter);
    else waiter.resolve(acquired);
  }

  /** After the last connection in use has gone, somebody who waited for it needs another. */
  #serveWaiters(): void {
    if (this.#inUse === 0 && this.#waiters.length > 0) this.#useOneMore();
    if (this.#waiters.length > 0) this.#watchPressure();
    if (this.#readyCount > 0 || this.#openCount > 0 || this.#isAsking) return;
    if (this.#waiters.length > 0 && !this.#isOurTurn) this.#askForTurn();
    else for (const waiter of this.#waiters.splice(0)) waiter.resolve({ kind: "backing off" });
  }

  /** The turn has ended while the last connection was in use, and somebody has waited for that: once for all of them. */
  #askForTurn(): void {
    this.#isAsking = true;
    void (this.#options.takeTurn?.() ?? Promise.resolve(false)).then((isOurs) => {
      this.#isAsking = false;
      if (isOurs) this.#serveWaiters();
      else for (const waiter of this.#waiters.splice(0)) waiter.resolve({ kind: "limit" });
    });
  }
}
