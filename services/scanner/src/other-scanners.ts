import { ScanNews, type ScanVerdict } from "@postbus/contracts";
import { Compile } from "typebox/compile";
import type { KeptVerdicts } from "./kept-verdicts.ts";

const news = Compile(ScanNews);

/** Questions that others ask of engines, known here at one time; beyond that, the oldest may be asked twice. */
const MAX_ASKED = 10_000;
/** Of a verdict as JSON: a longer one stays with who has it. */
const MAX_VERDICT_OCTETS = 64 * 1024;

/** A verdict, and where it counts. */
export interface Kept {
  readonly keys: readonly { readonly key: string; readonly forMs: number }[];
  readonly verdict: ScanVerdict;
}

interface Asked {
  readonly untilMs: number;
  readonly over: Promise<void>;
  end(): void;
}

/**
 * The other scanners of a fleet: each tells all what it asks of engines, and what they have said, so that a message that comes again
 * by another way is not scanned again. They are told in passing: nothing is stored or waited for, and what gets lost is asked twice.
 */
export class OtherScanners {
  readonly #kept: KeptVerdicts;
  readonly #instance: string;
  readonly #tell: (said: ScanNews) => void;
  readonly #nowMs: () => number;
  readonly #asked = new Map<string, Asked>();

  /** @param kept Gets what others say. @param tell To all, this process included. */
  constructor(kept: KeptVerdicts, instance: string, tell: (said: ScanNews) => void, nowMs = () => performance.now()) {
    this.#kept = kept;
    this.#instance = instance;
    this.#tell = tell;
    this.#nowMs = nowMs;
  }

  /** An engine is asked here. */
  asking(key: string, forMs: number): void {
    this.#tell({ v: 1, instance: this.#instance, key, state: "asked", forMs });
  }

  /** It has answered; undefined: it has not, or what it said is of no use to others. */
  answered(key: string, said: Kept | undefined): void {
    const whose = { v: 1, instance: this.#instance, key } as const;
    if (said === undefined || JSON.stringify(said.verdict).length > MAX_VERDICT_OCTETS)
      this.#tell({ ...whose, state: "over" });
    else this.#tell({ ...whose, state: "scanned", keeps: [...said.keys], verdict: said.verdict });
  }

  /** What has been told. What does not fit the contract is of another version, and means nothing here. */
  heard(told: unknown): void {
    if (!news.Check(told) || told.instance === this.#instance) return;
    if (told.state === "asked") {
      this.#noteAsked(told.key, told.forMs);
      return;
    }
    if (told.state === "scanned") for (const { key, forMs } of told.keeps) this.#kept.keep(key, told.verdict, forMs);
    this.#asked.get(told.key)?.end();
    this.#asked.delete(told.key);
  }

  /** While another one asks the same. @returns undefined: nobody does. @param mostMs Then nobody waits any more. */
  over(key: string, mostMs: number): Promise<void> | undefined {
    const asked = this.#asked.get(key);
    if (asked === undefined) return undefined;
    const leftMs = Math.min(asked.untilMs - this.#nowMs(), mostMs);
    if (leftMs <= 0) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, leftMs);
    void asked.over.then(resolve);
    return promise.finally(() => clearTimeout(timer));
  }

  #noteAsked(key: string, forMs: number): void {
    this.#asked.get(key)?.end();
    this.#asked.delete(key);
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    this.#asked.set(key, { untilMs: this.#nowMs() + forMs, over, end });
    if (this.#asked.size <= MAX_ASKED) return;
    for (const [oldest, { end: give }] of this.#asked) {
      give();
      this.#asked.delete(oldest);
      return;
    }
  }
}
