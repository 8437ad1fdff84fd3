import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { MailEvent } from "@postbus/contracts";
import type { DmarcClaim, DmarcDay, DroppedResults } from "../dmarc-results.ts";
import type {
  Appended,
  History,
  HistoryReader,
  MessageFilter,
  MessageHistory,
  MessagePage,
  MinuteRate,
  RejectPage,
} from "../history.ts";
import { HistoryUnavailableError, ReaderReplacedError } from "../history-error.ts";
import { messageHistory } from "../message-view.ts";
import { messagePage, rejectPage } from "../pages.ts";
import type { Answer, Call } from "./sqlite-call.ts";
import type { SqliteStore } from "./sqlite-store.ts";

/** A disk that does not answer must not hold a caller for ever. Longer than SQLite's own patience with other writers. */
const CALL_TIMEOUT_MS = 30_000;
/** The thread needs little; without a bound its heap would grow to the process's limit before it is collected. */
const THREAD_LIMITS = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 8 };

/** As the logs: who wrote to whom is not for everybody on the machine. */
const FILE_MODE = 0o640;

interface Pending {
  resolve(value: unknown): void;
  reject(reason: Error): void;
  readonly timer: NodeJS.Timeout;
}

/**
 * History in `DIRECTORY/history.sqlite`, in a thread of its own: SQLite is synchronous and the thread that carries
 * mail is not kept waiting. The thread is started by the first call and again after it has died.
 */
export class SqliteHistory implements History {
  readonly #directory: string;
  readonly #pending = new Map<number, Pending>();
  #thread: Worker | undefined;
  #lastId = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async openReader(name: string): Promise<HistoryReader> {
    const { generation, resume } = await this.#call("openReader", name);
    return {
      resume,
      append: (events: readonly MailEvent[], appended: Appended) =>
        this.#send("append", [name, generation, JSON.stringify(events), appended]) as Promise<void>,
    };
  }

  async messages(filter: MessageFilter): Promise<MessagePage> {
    const { rows, end } = await this.#call("messages", filter);
    return messagePage(rows, filter.limit, end);
  }

  async message(id: string): Promise<MessageHistory | undefined> {
    const found = await this.#call("message", id);
    return found === undefined ? undefined : messageHistory(found.row, found.events);
  }

  async rejects({ before, limit }: { readonly before?: string; readonly limit: number }): Promise<RejectPage> {
    return rejectPage(await this.#call("rejects", before, limit), limit);
  }

  rates(sinceMs: number): Promise<readonly MinuteRate[]> {
    return this.#call("rates", sinceMs);
  }

  prune({ beforeMs, maxOctets }: { readonly beforeMs: number; readonly maxOctets?: number }): Promise<boolean> {
    return this.#call("prune", beforeMs, maxOctets ?? Number.POSITIVE_INFINITY);
  }

  nextDmarcDomain(day: number, after: string): Promise<string | undefined> {
    return this.#call("nextDmarcDomain", day, after);
  }

  claimDmarcReport(claim: DmarcClaim): Promise<number | undefined> {
    return this.#call("claimDmarcReport", claim);
  }

  endDmarcReport(claim: Pick<DmarcClaim, "day" | "domain" | "owner">): Promise<void> {
    return this.#call("endDmarcReport", claim);
  }

  dmarcResults(day: number, domain: string, limit: number): Promise<DmarcDay> {
    return this.#call("dmarcResults", day, domain, limit);
  }

  pruneDmarcResults(beforeDay: number): Promise<boolean> {
    return this.#call("pruneDmarcResults", beforeDay);
  }

  limitDmarcResults(maxOctets: number): Promise<DroppedResults | undefined> {
    return this.#call("limitDmarcResults", maxOctets);
  }

  async close(): Promise<void> {
    const thread = this.#thread;
    if (thread === undefined) return;
    await this.#call("close");
    this.#thread = undefined;
    await thread.terminate();
  }

  #call<M extends Call["method"]>(
    method: M,
    ...parameters: Parameters<SqliteStore[M]>
  ): Promise<ReturnType<SqliteStore[M]>> {
    return this.#send(method, parameters) as Promise<ReturnType<SqliteStore[M]>>;
  }

  async #send(method: Call["method"], parameters: readonly unknown[]): Promise<unknown> {
    const thread = this.#thread ?? (await this.#start());
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new HistoryUnavailableError(`sqlite: no answer to ${method} in ${CALL_TIMEOUT_MS} ms`));
      }, CALL_TIMEOUT_MS);
      this.#pending.set(id, { resolve, reject, timer });
      thread.postMessage({ id, method, parameters } satisfies Call);
    });
  }

  async #start(): Promise<Worker> {
    const file = join(this.#directory, "history.sqlite");
    try {
      await mkdir(this.#directory, { recursive: true });
      // Made here for its mode; SQLite gives its other files the same.
      await (await open(file, "a", FILE_MODE)).close();
    } catch (err) {
      throw new HistoryUnavailableError(`sqlite: cannot write ${file}`, { cause: err });
    }
    // Two calls may have come here together.
    if (this.#thread !== undefined) return this.#thread;
    const thread = new Worker(new URL("./sqlite-thread.ts", import.meta.url), {
      workerData: { file },
      resourceLimits: THREAD_LIMITS,
      name: "history",
      execArgv: [],
    });
    this.#thread = thread;
    thread.on("message", (answer: Answer) => this.#settle(answer));
    thread.on("error", (cause) => this.#lost(thread, cause));
    thread.on("exit", () => this.#lost(thread, undefined));
    return thread;
  }

  #settle(answer: Answer): void {
    const pending = this.#pending.get(answer.id);
    if (pending === undefined) return; // Its caller has stopped waiting.
    this.#pending.delete(answer.id);
    clearTimeout(pending.timer);
    if ("value" in answer) pending.resolve(answer.value);
    else if (answer.error.name === "ReaderReplacedError") pending.reject(new ReaderReplacedError(answer.error.message));
    else pending.reject(new HistoryUnavailableError(`sqlite: ${answer.error.message}`));
  }

  #lost(thread: Worker, cause: unknown): void {
    if (this.#thread === thread) this.#thread = undefined;
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(new HistoryUnavailableError("sqlite: the thread ended", { cause }));
    }
    this.#pending.clear();
  }
}
