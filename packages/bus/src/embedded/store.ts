import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { open, type RootDatabase } from "lmdb";
import type { Queue } from "../bus.ts";
import { latin1Keys, Table } from "./table.ts";

/** Address space, not memory and not disk: the file grows as it needs, and so does the map when this is used up. */
const MAP_OCTETS = 64 * 1024 ** 3;

/** The tables of the embedded bus. */
export interface Tables {
  /** Item id → item. To be handed out, or in a handler's hands: an item leaves with the commit that ends it. */
  readonly ready: Readonly<Record<Queue, Table>>;
  /** Item id → item that has a not-before time… */
  readonly deferred: Table;
  /** …and `<milliseconds>/<item id>` → nothing, so that the next one due is the first key. */
  readonly due: Table;
  /** Item id → item that waits for an operator. */
  readonly frozen: Table;
  /** Message id → octets of inline content, written once when the message's first item is published. */
  readonly content: Table;
  /** Message id → number of open items; only of messages that have several, and of all with spooled content. */
  readonly open: Table;
  /** Number of a commit's last event → all its events. */
  readonly events: Table;
  /** `<bucket>/<key>` → shared value. */
  readonly values: Table;
  /** A few words about the file itself. */
  readonly meta: Table;
}

export class Store {
  readonly tables: Tables;
  /** Drawn when the file was made; positions in the event log carry it, so that another file's are recognised. */
  readonly id: string;
  readonly #root: RootDatabase<Buffer, string>;

  constructor(directory: string) {
    const options = { encoding: "binary", keyEncoder: latin1Keys } as const;
    this.#root = open<Buffer, string>({
      ...options,
      path: join(directory, "data.mdb"),
      maxDbs: 16,
      mapSize: MAP_OCTETS,
      // The promise of a batch resolves after the sync, not before it. Cannot be changed once a file was made without.
      overlappingSync: false,
      // One batch = one transaction = one sync; who puts what into it is decided in `group-commit.ts`.
      eventTurnBatching: false,
      // Pages are not zeroed before use: the file may hold old octets of mail, which it holds anyway.
      noMemInit: true,
    });
    const table = (name: string): Table => new Table(name, this.#root.openDB<Buffer, string>(name, options));
    this.tables = {
      ready: { route: table("ready.route"), deliver: table("ready.deliver") },
      deferred: table("deferred"),
      due: table("due"),
      frozen: table("frozen"),
      content: table("content"),
      open: table("open"),
      events: table("events"),
      values: table("values"),
      meta: table("meta"),
    };
    this.id = this.#identity();
  }

  /**
   * One transaction: when the promise resolves, everything that `write` wrote is on stable storage; when it rejects,
   * nothing was written. (The package executes a batch as a block in which its writing thread may not commit. Only a
   * synchronous transaction could split it, and there is none after the tables are open.)
   */
  async batch(write: () => void): Promise<void> {
    try {
      await this.#root.batch(write);
    } catch (err) {
      throw await causeOf(err);
    }
  }

  /** Octets of the file that are in use, free pages included. */
  size(): number {
    const stats = this.#root.getStats() as { readonly lastPageNumber: number; readonly pageSize: number };
    return (stats.lastPageNumber + 1) * stats.pageSize;
  }

  /** Octets of the file that hold nothing: the file does not shrink, its pages are used again. */
  free(): number {
    const { events, values, meta, ready, deferred, due, frozen, content, open: parts } = this.tables;
    const all = [events, values, meta, ready.route, ready.deliver, deferred, due, frozen, content, parts];
    return Math.max(0, this.size() - all.reduce((sum, table) => sum + table.octets(), 0));
  }

  close(): Promise<void> {
    return this.#root.close();
  }

  #identity(): string {
    const known = this.tables.meta.get("id");
    if (known !== undefined) return known.toString("latin1");
    const id = randomBytes(6).toString("hex");
    this.#root.transactionSync(() => this.tables.meta.write("id", id));
    return id;
  }
}

/** The package rejects with a general error and tells the real one in a promise that hangs on it. */
async function causeOf(err: unknown): Promise<unknown> {
  if (!(err instanceof Error && "commitError" in err)) return err;
  try {
    await err.commitError;
  } catch (cause) {
    return cause;
  }
  return err;
}
