import type { DeferredAttempt, HostsStand, Remembered } from "../attempt-result.ts";
import type { QueueRules } from "../queue-rules.ts";
import type { RetryStep } from "../retry-delay.ts";
import { failedAgain, isPastLastCutoff, type RetryRecord } from "./retry-record.ts";
import type { RetryRecords } from "./retry-records.ts";

export interface AddressRetriesOptions {
  readonly records: RetryRecords;
  /** Asked for each failure. */
  readonly rules: () => QueueRules;
}

/** One more failure of something that messages share. */
interface SharedFailure {
  readonly result: Pick<DeferredAttempt, "errno" | "text">;
  /** When the message was accepted. */
  readonly receivedAtMs: number;
  /** It is a message's at a host: then its age does not make the failure older. */
  readonly isHost: boolean;
  /** What began before another failure was known is the same one. */
  readonly startedAtMs: number;
  readonly nowMs: number;
  readonly random: () => number;
}

/**
 * What messages know together of addresses that cannot be routed or reached now (Exim's manual, "Retry configuration"): the
 * records grow by all their failures, and while the time has not come, only a message that is new tries it.
 *
 * Nothing is looked up for a recipient that has not failed before.
 */
export class AddressRetries {
  readonly #records: RetryRecords;
  readonly #rules: () => QueueRules;

  constructor({ records, rules }: AddressRetriesOptions) {
    this.#records = records;
    this.#rules = rules;
  }

  read(key: string): RetryRecord | undefined | Promise<RetryRecord | undefined> {
    return this.#records.read(key);
  }

  /** Several beside each other: after this, each can be read at once. */
  readAll(keys: Iterable<string>): Promise<void> {
    return this.#records.readAll(keys);
  }

  /** Remembers a failure. @returns what holds for the recipient now. */
  async failed(key: string, failure: SharedFailure, steps: readonly RetryStep[]): Promise<Remembered> {
    const { result, startedAtMs, random, ...when } = failure;
    const before = await this.#records.read(key);
    const { errno, text } = result;
    const { record, hasTimedOut } = failedAgain(before, { errno, text, ...when }, steps, this.#rules(), random);
    const isSame = before !== undefined && before.lastTriedAtMs >= startedAtMs;
    if (record === undefined) this.#records.forget(key);
    else if (!isSame) this.#records.write(key, record);
    const { nextTryAtMs } = (isSame ? before : record) ?? { nextTryAtMs: failure.nowMs };
    return { nextTryAtMs, hasTimedOut };
  }

  /**
   * It does not fail any more, or in another way.
   *
   * @param mustBeThere The recipient has taken the name along: whether or not this process knows the record, it is wiped out.
   */
  forget(key: string, mustBeThere: boolean): void {
    if (mustBeThere) this.#records.wipe(key);
    else this.#records.forget(key);
  }

  /** This process remembers no failure of anybody. */
  get isEmpty(): boolean {
    return this.#records.isEmpty;
  }
}

/** Exim's "ultimate address timeout": a message that is older than the rules go is tried, so that it comes to its end. */
export const isUltimate = (steps: readonly RetryStep[], receivedAtMs: number, nowMs: number): boolean =>
  isPastLastCutoff(steps, nowMs - receivedAtMs);

/** What a record that forbids an attempt means for the next one. */
export const standOfRecord = ({ nextTryAtMs, lastTriedAtMs }: RetryRecord): HostsStand => ({
  nextTryAtMs,
  gapMs: Math.max(0, nextTryAtMs - lastTriedAtMs),
  areAllSkipped: true,
  haveTimedOut: false,
});
