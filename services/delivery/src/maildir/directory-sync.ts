import { open } from "node:fs/promises";

/**
 * Makes directory entries durable. While one sync of a directory runs, all who come wait together for the next one:
 * a busy mailbox costs one sync at a time, not one for each message.
 */
export class DirectorySync {
  readonly #next = new Map<string, Promise<void>>();
  readonly #running = new Map<string, Promise<void>>();

  /** Resolves when every entry made before the call is on stable storage. */
  sync(directory: string): Promise<void> {
    const waiting = this.#next.get(directory);
    if (waiting !== undefined) return waiting;
    const before = this.#running.get(directory);
    if (before === undefined) return this.#run(directory);
    const next = before.then(
      () => this.#startNext(directory),
      () => this.#startNext(directory),
    );
    this.#next.set(directory, next);
    return next;
  }

  #startNext(directory: string): Promise<void> {
    this.#next.delete(directory);
    return this.#run(directory);
  }

  #run(directory: string): Promise<void> {
    const run = syncDirectory(directory).finally(() => {
      if (this.#running.get(directory) === run) this.#running.delete(directory);
    });
    this.#running.set(directory, run);
    return run;
  }
}

async function syncDirectory(directory: string): Promise<void> {
  await using handle = await open(directory, "r");
  await handle.sync();
}
