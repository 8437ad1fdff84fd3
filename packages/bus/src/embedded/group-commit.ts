import { BusFullError, BusUnavailableError } from "../bus-error.ts";
import { Draft } from "./draft.ts";
import { within } from "./within.ts";

/** Changes in one commit at most: bounds how long the first of them waits for the last. */
const MAX_GROUP = 2_000;
/** A change that must not be given up (work was done that cannot be undone) is tried again after so long. */
const RETRY_MS = 1_000;
/** A commit that takes longer means a disk that does not answer. Then nobody is kept waiting for the next one. */
const STUCK_AFTER_MS = 60_000;

/** For the last commit when the bus is closed. */
const CLOSE_MS = 5_000;

/** Something that is to be stored, all of it or nothing. */
export interface Change {
  /**
   * Adds to the draft, in the order in which the changes came. Called again if the commit fails and the change is
   * tried again, so it keeps nothing from call to call but what it overwrites.
   */
  apply(draft: Draft): void;
  /** It is on stable storage. Must not throw. */
  committed(): void;
  /** Nothing of it was stored. Must not throw. */
  failed(err: Error): void;
  /** Tried again until it succeeds or the bus is closed: the end of work that was done. */
  readonly mustSucceed: boolean;
  /** Only brings something; refused while the storage has room for what takes something away, and no more. */
  readonly isNew?: boolean;
}

export interface GroupCommitDeps {
  /** `Store.batch`. */
  readonly batch: (write: () => void) => Promise<void>;
  /** Adds the group's events to the draft. */
  readonly addEvents: (draft: Draft) => void;
  /** After every commit, when all its changes know: time to hand out what came. */
  readonly afterCommit: (draft: Draft) => void;
  readonly explain: (err: unknown) => Promise<Error>;
  /** Why nothing new is to be stored. */
  readonly refusal: () => Error | undefined;
}

/**
 * Everything that comes while a commit runs goes into the next one: one transaction, one sync, for all of it. So the
 * number of syncs follows the speed of the disk, not that of the mail.
 */
export class GroupCommit {
  readonly #deps: GroupCommitDeps;
  #pending: Change[] = [];
  readonly #retries = new Map<NodeJS.Timeout, readonly Change[]>();
  #isScheduled = false;
  #isRunning = false;
  #runningSinceMs = 0;
  #isClosed = false;
  #whenIdle: (() => void)[] = [];

  constructor(deps: GroupCommitDeps) {
    this.#deps = deps;
  }

  /** Whether the disk has not answered for a long time. */
  get isStuck(): boolean {
    return this.#isRunning && performance.now() - this.#runningSinceMs > STUCK_AFTER_MS;
  }

  commit(change: Change): void {
    const refusal = this.#refusal(change);
    if (refusal !== undefined) {
      change.failed(refusal);
      return;
    }
    this.#pending.push(change);
    if (!this.#isRunning) this.#schedule();
  }

  #refusal({ mustSucceed, isNew = false }: Change): Error | undefined {
    if (this.#isClosed) return new BusUnavailableError("the bus is closed");
    if (this.isStuck && !mustSucceed) {
      return new BusUnavailableError(`the disk has not answered for ${STUCK_AFTER_MS} ms`);
    }
    return isNew ? this.#deps.refusal() : undefined;
  }

  /** Lets the commits finish that are under way; takes no more. @throws the disk has not answered in time. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const [timer, changes] of this.#retries) {
      clearTimeout(timer);
      for (const change of changes) change.failed(new BusUnavailableError("the bus is closed"));
    }
    this.#retries.clear();
    await within(CLOSE_MS, this.#idle());
  }

  async #idle(): Promise<void> {
    while (this.#isRunning || this.#isScheduled) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  /** At the end of this turn of the event loop: what else it brings goes along, and fewer syncs do more. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#next();
    });
  }

  #next(): void {
    const group = this.#pending.splice(0, MAX_GROUP);
    this.#isRunning = true;
    this.#runningSinceMs = performance.now();
    void this.#run(group).then(() => {
      this.#isRunning = false;
      if (this.#pending.length > 0) this.#schedule();
      else for (const resolve of this.#whenIdle.splice(0)) resolve();
    });
  }

  async #run(group: readonly Change[]): Promise<void> {
    const draft = new Draft();
    try {
      for (const change of group) change.apply(draft);
      if (!draft.isEmpty) {
        this.#deps.addEvents(draft);
        await this.#deps.batch(() => draft.write());
      }
    } catch (err) {
      return this.#failed(group, await this.#deps.explain(err));
    }
    draft.account();
    for (const change of group) change.committed();
    this.#deps.afterCommit(draft);
  }

  async #failed(group: readonly Change[], err: Error): Promise<void> {
    const isForAll = err instanceof BusFullError || err instanceof BusUnavailableError;
    // One change that cannot be made must not take the others with it: each on its own, to find out which.
    if (!isForAll && group.length > 1) {
      for (const change of group) await this.#run([change]);
      return;
    }
    const again: Change[] = [];
    for (const change of group) {
      if (change.mustSucceed && isForAll && !this.#isClosed) again.push(change);
      else change.failed(err);
    }
    if (again.length > 0) this.#retryLater(again);
  }

  #retryLater(changes: readonly Change[]): void {
    const timer = setTimeout(() => {
      this.#retries.delete(timer);
      for (const change of changes) this.commit(change);
    }, RETRY_MS);
    this.#retries.set(timer, changes);
  }
}
