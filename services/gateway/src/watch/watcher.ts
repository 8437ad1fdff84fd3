import { WATCH_LEASE_MS, type WatchedLine, type WatchReport, type WatchRequest } from "@postbus/contracts";
import { SessionFilter } from "./watch-filter.ts";

/** Lines that wait to be sent; more are dropped and counted. */
const MAX_LINES = 1_000;
/** Of those, octets. A report is far below what fits into a message of the bus. */
const MAX_OCTETS = 262_144;
const MAX_REPORT_LINES = 200;
/** What a line takes besides its text, about. */
const LINE_OCTETS = 150;

/** Somebody who looks on, and what is to be sent there. */
export class Watcher {
  readonly id: string;
  readonly filter: SessionFilter;
  readonly #instance: string;
  #sessionsLeft: number;
  #expiresAtMs = 0;
  #lines: WatchedLine[] = [];
  #octets = 0;
  #dropped = 0;

  constructor({ id, filter, sessions = Number.POSITIVE_INFINITY }: WatchRequest, instance: string, nowMs: number) {
    this.id = id;
    this.filter = new SessionFilter(filter);
    this.#instance = instance;
    this.#sessionsLeft = sessions;
    this.renew(nowMs);
  }

  renew(nowMs: number): void {
    this.#expiresAtMs = nowMs + WATCH_LEASE_MS;
  }

  hasExpired(nowMs: number): boolean {
    return nowMs >= this.#expiresAtMs;
  }

  get mayTakeSession(): boolean {
    return this.#sessionsLeft > 0;
  }

  /** @returns false: it has all that it wanted. */
  takeSession(): boolean {
    if (this.#sessionsLeft <= 0) return false;
    this.#sessionsLeft -= 1;
    return true;
  }

  add(line: WatchedLine): void {
    const octets = line.text.length + LINE_OCTETS;
    if (this.#lines.length >= MAX_LINES || this.#octets + octets > MAX_OCTETS) {
      this.#dropped += 1;
      return;
    }
    this.#lines.push(line);
    this.#octets += octets;
  }

  /** What is to be sent next; undefined: nothing waits. */
  report(): WatchReport | undefined {
    if (this.#lines.length === 0 && this.#dropped === 0) return undefined;
    const lines = this.#lines.splice(0, MAX_REPORT_LINES);
    for (const { text } of lines) this.#octets -= text.length + LINE_OCTETS;
    // They came behind all that waits.
    const dropped = this.#lines.length === 0 ? this.#dropped : 0;
    if (dropped > 0) this.#dropped = 0;
    return { v: 1, instance: this.#instance, lines, dropped };
  }
}
