import type { ScanVerdict } from "@postbus/contracts";

/** Of all verdicts together, as JSON: reports of SpamAssassin are the long ones. */
const MAX_OCTETS = 16 * 1024 * 1024;

interface Kept {
  readonly verdict: ScanVerdict;
  readonly octets: number;
  readonly untilMs: number;
}

/** What engines have said a while ago; the oldest goes when there is no room. */
export class KeptVerdicts {
  readonly #kept = new Map<string, Kept>();
  readonly #nowMs: () => number;
  #octets = 0;

  /** @param nowMs A clock that only goes forward. */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  get(key: string): ScanVerdict | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    if (kept.untilMs > this.#nowMs()) return kept.verdict;
    this.#forget(key);
    return undefined;
  }

  keep(key: string, verdict: ScanVerdict, forMs: number): void {
    this.#forget(key);
    const octets = key.length + JSON.stringify(verdict).length;
    this.#kept.set(key, { verdict, octets, untilMs: this.#nowMs() + forMs });
    this.#octets += octets;
    while (this.#octets > MAX_OCTETS) {
      const [oldest] = this.#kept.keys();
      if (oldest === undefined) return;
      this.#forget(oldest);
    }
  }

  #forget(key: string): void {
    const kept = this.#kept.get(key);
    if (kept === undefined) return;
    this.#kept.delete(key);
    this.#octets -= kept.octets;
  }
}
