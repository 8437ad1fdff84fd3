import { stat } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { ConfigError } from "@postbus/mail";
import { type LoadOptions, loadPolicy } from "../load-policy.ts";
import type { Policy } from "../policy.ts";

/** How often the files are looked at: a look is one `stat` for each, and a change may wait so long. */
const LOOK_EVERY_MS = 3_000;
/** A file that is being written may be half there: it is read when it has been the same for so long. */
const SETTLE_MS = 100;
/** Work that began under an old policy may ask its lookups for so long. */
const KEPT_MS = 3_600_000;

export interface InForceOptions<T> extends LoadOptions {
  /** What the service makes of a policy. What it throws leaves the old one in force. */
  readonly use: (policy: Policy) => T | Promise<T>;
  readonly log: ReloadLog;
  readonly lookEveryMs?: number;
}

/** What a reload has come to. */
export interface Reloaded {
  /** Versions of the policy that was in force, and of the one that now is. */
  readonly before: string;
  readonly version: string;
  /** Why the old one stays; none: the new one is in force. */
  readonly problems: readonly string[];
}

/** As pino has it. */
export interface ReloadLog {
  info(facts: object, text: string): void;
  warn(facts: object, text: string): void;
  error(facts: object, text: string): void;
}

/**
 * The policy that a service runs, read again on SIGHUP and when one of its files has changed. A new one is in force from
 * one moment to the next, for all that begins then; one that is wrong never is, and each of its problems is a line of the
 * log.
 */
export class PolicyInForce<T> {
  readonly #options: InForceOptions<T>;
  readonly #timer: NodeJS.Timeout;
  #policy: Policy;
  #used: T;
  /** Of the files, when they were read the last time, be it in vain. */
  #seen: States;
  #isLooking = false;
  #isStopped = false;
  /** Those that were in force before. */
  readonly #old = new Map<Policy, NodeJS.Timeout>();
  #running: Promise<Reloaded> | undefined;
  /** Begins when that one has ended. */
  #next: Promise<Reloaded> | undefined;
  readonly #onHangUp = (): void => void this.reload("SIGHUP");

  /** @throws {ConfigError} the first policy is wrong: there is no old one that could stay. */
  static async start<T>(options: InForceOptions<T>): Promise<PolicyInForce<T>> {
    const policy = await loadPolicy(options);
    const seen = await statesOf(policy);
    return new PolicyInForce(options, policy, await options.use(policy), seen);
  }

  private constructor(options: InForceOptions<T>, policy: Policy, used: T, seen: States) {
    this.#options = options;
    this.#policy = policy;
    this.#used = used;
    this.#seen = seen;
    process.on("SIGHUP", this.#onHangUp);
    this.#timer = setInterval(() => void this.#look(), options.lookEveryMs ?? LOOK_EVERY_MS);
    this.#timer.unref();
  }

  /** What the service has made of the policy. */
  get current(): T {
    return this.#used;
  }

  /** Of the policy: for the fleet's overview. */
  get version(): string {
    return this.#policy.version;
  }

  /**
   * Reads the files again. Never rejects. One that runs may have read a file before its last change, so who asks now is
   * answered by the next one.
   *
   * @param why For the log.
   */
  reload(why: string): Promise<Reloaded> {
    if (this.#running === undefined) return this.#run(why);
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      return this.#run(why);
    });
    return this.#next;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    process.removeListener("SIGHUP", this.#onHangUp);
    await this.#running;
    await this.#next;
    for (const timer of this.#old.values()) clearTimeout(timer);
    await Promise.all([this.#policy, ...this.#old.keys()].map((policy) => policy.stop()));
  }

  /** One look at a time: of two that have seen the same change, the second would have the files read once more. */
  async #look(): Promise<void> {
    if (this.#running !== undefined || this.#isLooking) return;
    this.#isLooking = true;
    try {
      const states = await statesOf(this.#policy);
      if (isSame(states, this.#seen)) return;
      await delay(SETTLE_MS, undefined, { ref: false });
      // Changed again: the next look tells.
      if (!isSame(await statesOf(this.#policy), states)) return;
      const isRead = this.#running !== undefined || isSame(states, this.#seen);
      if (!isRead && !this.#isStopped) await this.reload("a file has changed");
    } finally {
      this.#isLooking = false;
    }
  }

  #run(why: string): Promise<Reloaded> {
    this.#running = this.#read(why).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #read(why: string): Promise<Reloaded> {
    const { log, use } = this.#options;
    const before = this.version;
    // Before they are read: what changes meanwhile is seen by the next look.
    const states = await statesOf(this.#policy);
    this.#seen = states;
    try {
      const policy = await loadPolicy(this.#options);
      const used = await use(policy);
      const old = this.#policy;
      this.#policy = policy;
      this.#used = used;
      this.#seen = new Map([...(await statesOf(policy))].map(([path, now]) => [path, states.get(path) ?? now]));
      this.#keep(old);
      log.info({ policyVersion: policy.version, before, why }, "policy read again");
      return { before, version: policy.version, problems: [] };
    } catch (err) {
      const problems = err instanceof ConfigError ? err.message.split("\n") : [undefined];
      for (const problem of problems) {
        const facts = problem === undefined ? { err } : { problem };
        log.error({ ...facts, policyVersion: before, why }, "policy not read again: the old one stays in force");
      }
      const text = err instanceof Error ? err.message : String(err);
      return { before, version: before, problems: text.split("\n") };
    }
  }

  #keep(old: Policy): void {
    const timer = setTimeout(() => {
      this.#old.delete(old);
      old.stop().catch((err: unknown) => this.#options.log.warn({ err }, "lookups of an old policy"));
    }, KEPT_MS);
    timer.unref();
    this.#old.set(old, timer);
  }
}

/** Path → size and age, of every file that a policy was read from, or that was looked for in vain. */
type States = ReadonlyMap<string, string>;

async function statesOf({ configuration }: Policy): Promise<States> {
  const states = configuration.files.map(async ({ path }): Promise<[string, string]> => {
    try {
      const { size, mtimeMs, ino } = await stat(path);
      return [path, `${size} ${mtimeMs} ${ino}`];
    } catch {
      // Not there, or not to be seen: that it is again is a change.
      return [path, "-"];
    }
  });
  return new Map(await Promise.all(states));
}

const isSame = (one: States, other: States): boolean =>
  one.size === other.size && [...one].every(([path, state]) => other.get(path) === state);
