import { type ChildProcess, fork } from "node:child_process";
import { LookupDefer } from "../lookup-defer.ts";
import type { SqliteQuestion, SqliteReply } from "./sqlite-messages.ts";

interface Asked {
  readonly timer: NodeJS.Timeout;
  answer(reply: SqliteReply): void;
  fail(reason: string): void;
}

/** Each belongs to a message in work. */
const MAX_WAITING = 10_000;

/**
 * SQLite in a process of its own, so that neither a lock nor a long query holds up this one (a thread could not be ended
 * within a query). Queries are answered one after the other; when one takes too long the process is ended, and all that
 * wait for it get a `LookupDefer`.
 */
export class SqliteProcess {
  readonly #options: { readonly lockTimeoutMs: number; readonly timeoutMs: number };
  readonly #asked = new Map<number, Asked>();
  #child: ChildProcess | undefined;
  #lastId = 0;
  #isClosed = false;

  /** @param options.timeoutMs For a query with all that wait before it. */
  constructor(options: { readonly lockTimeoutMs: number; readonly timeoutMs: number }) {
    this.#options = options;
  }

  /** @returns undefined: no rows, or SQLite does not take the query. @throws {LookupDefer} */
  query(file: string, query: string): Promise<string | undefined> {
    if (this.#isClosed || this.#asked.size >= MAX_WAITING) throw new LookupDefer("sqlite", "too many queries");
    const { timeoutMs } = this.#options;
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const fail = (reason: string): void => reject(new LookupDefer("sqlite", reason));
      const timer = setTimeout(() => this.#stop(`no answer in ${timeoutMs} ms`), timeoutMs);
      this.#asked.set(id, {
        timer,
        answer: (reply) => settle(reply, resolve, reject),
        fail,
      });
      const child = this.#started();
      hold(child, true);
      child.send({ id, file, query } satisfies SqliteQuestion, (err) => {
        if (err !== null) this.#lost(child, err.message);
      });
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#stop("lookups are being closed");
  }

  #started(): ChildProcess {
    if (this.#child !== undefined) return this.#child;
    const child = fork(new URL("./sqlite-main.ts", import.meta.url), [`${this.#options.lockTimeoutMs}`], {
      execArgv: [],
      serialization: "advanced",
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    child.on("message", (reply: SqliteReply) => {
      const asked = this.#asked.get(reply.id);
      this.#asked.delete(reply.id);
      clearTimeout(asked?.timer);
      asked?.answer(reply);
      if (this.#asked.size === 0) hold(child, false);
    });
    child.on("error", (err) => this.#lost(child, err.message));
    child.on("exit", () => this.#lost(child, "the process has ended"));
    this.#child = child;
    return child;
  }

  #lost(child: ChildProcess, reason: string): void {
    if (this.#child === child) this.#stop(reason);
  }

  #stop(reason: string): void {
    const child = this.#child;
    this.#child = undefined;
    for (const { timer, fail } of this.#asked.values()) {
      clearTimeout(timer);
      fail(reason);
    }
    this.#asked.clear();
    if (child === undefined) return;
    hold(child, false);
    // Within a query it hears nothing else. The database's journal is made for that.
    child.kill("SIGKILL");
  }
}

function settle(
  reply: SqliteReply,
  resolve: (data: string | undefined) => void,
  reject: (err: LookupDefer) => void,
): void {
  switch (reply.kind) {
    case "data":
      resolve(reply.data);
      break;
    case "refused":
      resolve(undefined);
      break;
    case "closed":
      reject(new LookupDefer("sqlite", reply.reason, { isOpenFailure: true }));
      break;
    case "later":
      reject(new LookupDefer("sqlite", reply.reason));
      break;
    default:
      reply satisfies never;
  }
}

/** An idle one keeps no process from ending. */
function hold(child: ChildProcess, isHeld: boolean): void {
  if (isHeld) {
    child.ref();
    child.channel?.ref();
  } else {
    child.unref();
    child.channel?.unref();
  }
}
