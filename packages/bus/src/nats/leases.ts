import type { Claims } from "./claims.ts";
import type { HeldMessage } from "./held-message.ts";
import { elapsedMs, type Instant, instant, type LeaseTimes } from "./lease.ts";
import type { Link } from "./link.ts";

/** How long the end of an item waits for the connection; then the item is handed out again. */
const RECONNECT_MS = 600_000;
/** Between two tries to find out what is ours, after a connection was lost. */
const RETRY_PAUSE_MS = 1_000;

export interface LeasesParts {
  readonly link: Link;
  readonly claims: Claims;
  readonly times: LeaseTimes;
}

/** The messages in this process's hands, and whether they are: leases are renewed, lost, and made good by claims. */
export class Leases {
  readonly #parts: LeasesParts;
  readonly #afterTick: () => void;
  /** By stream and sequence. */
  readonly #held = new Map<string, HeldMessage>();
  readonly #timer: NodeJS.Timeout;
  readonly #forget: () => void;
  #verified: Promise<void> = Promise.resolve();
  #isVerifying = false;
  #tickedAt = instant();
  #isDistrustful = false;

  /** @param afterTick Called as often as leases are looked at. */
  constructor(parts: LeasesParts, afterTick: () => void) {
    this.#parts = parts;
    this.#afterTick = afterTick;
    this.#forget = parts.link.onReconnect((disconnectedAt) => this.#reconnected(disconnectedAt));
    this.#timer = setInterval(() => this.#tick(), parts.times.tickMs).unref();
  }

  get size(): number {
    return this.#held.size;
  }

  get(stream: string, seq: number): HeldMessage | undefined {
    return this.#held.get(keyOf(stream, seq));
  }

  add(held: HeldMessage): void {
    this.#held.set(keyOf(held.stream, held.seq), held);
  }

  delete({ stream, seq }: HeldMessage): void {
    this.#held.delete(keyOf(stream, seq));
  }

  of(stream: string): HeldMessage[] {
    return [...this.#held.values()].filter((held) => held.stream === stream);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#forget();
  }

  loseAll(why: string): void {
    for (const held of this.#held.values()) held.lose(why);
  }

  /**
   * Whether what comes over the connection now can be believed. What lies in the socket after a standstill was sent to us
   * long ago: it is not looked at, and will come again.
   */
  isTrustworthy(): boolean {
    if (elapsedMs(this.#tickedAt) > this.#parts.times.standstillMs) this.#distrust();
    return !this.#isDistrustful;
  }

  /** Handed out for the first time, and nobody can have got it since. */
  isFresh(held: HeldMessage): boolean {
    return held.handedOut === 1 && !this.#isVerifying && held.isHeld() && !this.#isDoubtful(held) && !held.isMoved;
  }

  /** Before anything is done with a message that is not fresh. @returns whose it is. */
  async claim(held: HeldMessage): Promise<"fresh" | "ours" | "another's"> {
    const { claims } = this.#parts;
    await this.#verified;
    const isDoubtful = this.#isDoubtful(held);
    if (held.handedOut === 1 && !isDoubtful && !held.isMoved)
      return held.isHeld() || (await this.own(held)) ? "fresh" : "another's";
    if (isDoubtful) {
      for (let leftMs = claims.graceLeftMs(); leftMs > 0; leftMs = claims.graceLeftMs()) await pause(leftMs);
    }
    if (await this.#claimed(held)) return "ours";
    held.lose("somebody else has the item");
    return "another's";
  }

  /** Whether the message is ours still; a lease that ran out is made good by a claim, if nobody else has made one. */
  async own(held: HeldMessage): Promise<boolean> {
    if (held.isHeld() && held.doubtfulSince === undefined) return true;
    const { link } = this.#parts;
    try {
      await link.connected(RECONNECT_MS);
      await this.#verified;
      if (held.isHeld() && held.doubtfulSince === undefined) return true;
      if (await this.#claimed(held)) return true;
      held.lose("somebody else has the item");
    } catch (err) {
      link.onProblem(`claiming ${keyOf(held.stream, held.seq)}`, err);
    }
    return false;
  }

  #isDoubtful({ stream, seq }: HeldMessage): boolean {
    return this.#parts.claims.isDoubtful(stream, seq);
  }

  async #claimed(held: HeldMessage): Promise<boolean> {
    if (!(await this.#parts.claims.claim(held.stream, held.seq))) return false;
    held.isClaimed = true;
    held.regain();
    return true;
  }

  #tick(): void {
    this.isTrustworthy();
    this.#tickedAt = instant();
    const { link, claims } = this.#parts;
    for (const held of this.#held.values()) {
      if (!held.isHeld()) {
        held.lose("the lease ran out");
      } else if (held.needsRenewal) {
        held.renew().catch((err: unknown) => link.onProblem(`renewing ${keyOf(held.stream, held.seq)}`, err));
        if (held.isClaimed) claims.renew(held.stream, held.seq);
      }
    }
    this.#afterTick();
  }

  /** Nothing is believed until everything has been read that was sent before now. */
  #distrust(): void {
    if (this.#isDistrustful) return;
    this.#isDistrustful = true;
    const { link } = this.#parts;
    link.connection
      .flush()
      .catch((err: unknown) => link.onProblem("after a standstill", err))
      .finally(() => {
        this.#isDistrustful = false;
      });
  }

  #reconnected(disconnectedAt: Instant): void {
    for (const held of this.#held.values()) held.doubtfulSince ??= disconnectedAt;
    this.#isVerifying = true;
    const verified = this.#verify(this.#parts.claims.epoch).finally(() => {
      if (this.#verified === verified) this.#isVerifying = false;
    });
    this.#verified = verified;
  }

  /** Finds out which of the held messages are still ours. */
  async #verify(epoch: number): Promise<void> {
    const { claims, link } = this.#parts;
    for (;;) {
      try {
        await claims.verify();
        const doubtful = [...this.#held.values()].filter((held) => held.doubtfulSince !== undefined);
        await Promise.all(doubtful.map((held) => this.#reclaim(held, claims.epoch !== epoch)));
        return;
      } catch (err) {
        if (link.isClosed) return;
        link.onProblem("after reconnecting", err);
        await pause(RETRY_PAUSE_MS);
      }
    }
  }

  async #reclaim(held: HeldMessage, serverForgot: boolean): Promise<void> {
    if (!serverForgot) {
      // It was only the connection: the server knows what we have.
      if (held.isHeld()) held.regain();
    } else if (await this.#claimed(held)) {
      held.isForgotten = true;
    } else {
      held.lose("somebody else has the item");
    }
  }
}

const keyOf = (stream: string, seq: number): string => `${stream} ${seq}`;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
