import type { KeyValue } from "@postbus/bus";
import { Suspension } from "@postbus/contracts";
import { Compile } from "typebox/compile";

/** How soon every replica obeys. */
const POLL_MS = 2_000;
/** Far above what operators do by hand; more are not obeyed. */
const MAX_SUSPENSIONS = 10_000;

export interface SuspensionsOptions {
  readonly values: Pick<KeyValue, "list">;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** They are known for the first time. @param isSuspended Whether one is in force. */
  readonly onKnown: (isSuspended: (target: string) => boolean) => void;
  /** One is over. */
  readonly onEnd: (target: string) => void;
  /** They cannot be read; told once for each time that it begins. What is known stays in force. */
  readonly onTrouble: (err: unknown) => void;
}

const suspensionCheck = Compile(Suspension);

/** To which domains and hosts nothing is delivered now, as operators have said it to any of the fleet. */
export class Suspensions {
  readonly #options: SuspensionsOptions;
  #byTarget: ReadonlyMap<string, Suspension> = new Map();
  #timer: NodeJS.Timeout | undefined;
  #reading: Promise<void> | undefined;
  #isInTrouble = false;
  #isKnown = false;

  private constructor(options: SuspensionsOptions) {
    this.#options = options;
  }

  /** Resolves when they are known, or cannot be read. */
  static async start(options: SuspensionsOptions): Promise<Suspensions> {
    const suspensions = new Suspensions(options);
    await suspensions.read();
    suspensions.#timer = setInterval(() => {
      suspensions.#reading ??= suspensions.read().finally(() => {
        suspensions.#reading = undefined;
      });
    }, POLL_MS).unref();
    return suspensions;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#reading;
  }

  /** @param names In any case. @returns the first that there is for one of them. */
  of(...names: readonly string[]): Suspension | undefined {
    if (this.#byTarget.size === 0) return undefined;
    for (const name of names) {
      const found = this.#byTarget.get(name.toLowerCase());
      if (found !== undefined && !this.#isOver(found)) return found;
    }
    return undefined;
  }

  async read(): Promise<void> {
    try {
      const entries = await this.#options.values.list();
      const before = this.#byTarget;
      const known = entries.flatMap(({ value }) => (suspensionCheck.Check(value) ? [value] : []));
      const inForce = known.filter((one) => !this.#isOver(one)).slice(0, MAX_SUSPENSIONS);
      this.#byTarget = new Map(inForce.map((one) => [one.target, one]));
      this.#isInTrouble = false;
      if (!this.#isKnown) this.#options.onKnown((target) => this.of(target) !== undefined);
      this.#isKnown = true;
      for (const target of before.keys()) if (!this.#byTarget.has(target)) this.#options.onEnd(target);
    } catch (err) {
      if (!this.#isInTrouble) this.#options.onTrouble(err);
      this.#isInTrouble = true;
    }
  }

  #isOver({ untilMs }: Suspension): boolean {
    return untilMs !== undefined && untilMs <= this.#options.now();
  }
}
