import { RESERVE_OCTETS } from "./reserve.ts";
import { type Room, USABLE_PAGES } from "./room.ts";

const LOOK_EVERY_MS = 5_000;
/** However short it is: not oftener than this. */
const LOOK_AGAIN_MS = 100;
/** A commit writes less than this at a time; with less room, a failed one is taken for a full disk. */
const LARGE_COMMIT_OCTETS = 64 * 1024 * 1024;

/**
 * Watches how much room there is, on the disk and in the file of the bus. New mail is refused while there is less than the reserve, so that the mail which
 * is there can still be brought to its end: that, too, needs pages.
 */
export class FreeSpace {
  readonly #room: Room;
  readonly #reserveOctets: number;
  readonly #inFile: () => number;
  readonly #timer: NodeJS.Timeout;
  /** On the disk. */
  #freeOctets = Number.POSITIVE_INFINITY;
  #inFileOctets = 0;
  /** Accepted since the last look: what we may have used up ourselves. */
  #spentOctets = 0;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #isStopped = false;

  /** @param inFile Octets of pages that the file has and does not use. */
  constructor(room: Room, reserveOctets: number, inFile: () => number) {
    this.#room = room;
    this.#reserveOctets = reserveOctets;
    this.#inFile = inFile;
    this.#timer = setInterval(() => {
      // Not at once: a process that lives for a moment need not write so much.
      void this.look().then(() => this.#room.reserve.makeIfRoom(this.#freeOctets));
    }, LOOK_EVERY_MS).unref();
  }

  get isShort(): boolean {
    if (this.#freeOctets + this.#inFileOctets - this.#spentOctets < this.#reserveOctets) return true;
    // It was given up, or there never was room for it: then what it is for needs room elsewhere.
    const usable = this.#freeOctets + this.#inFileOctets * USABLE_PAGES - this.#spentOctets;
    return !this.#room.reserve.isThere && usable < RESERVE_OCTETS;
  }

  get isNearlyGone(): boolean {
    return this.#freeOctets < LARGE_COMMIT_OCTETS;
  }

  get freeOctets(): number {
    return this.#freeOctets;
  }

  /** @returns Whether there is room for so much more. */
  spend(octets: number): boolean {
    this.#spentOctets += octets;
    if (!this.isShort) return true;
    // Pages are used again, so the truth may be better than the sum.
    if (performance.now() - this.#lookedAtMs > LOOK_AGAIN_MS) void this.look();
    return false;
  }

  async look(): Promise<void> {
    this.#lookedAtMs = performance.now();
    const freeOctets = await this.#room.look();
    // The file may have been closed meanwhile.
    if (this.#isStopped) return;
    this.#freeOctets = freeOctets;
    this.#inFileOctets = this.#inFile();
    this.#spentOctets = 0;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    await this.#room.reserve.stop();
  }
}
