import { getCompileCacheDir } from "node:module";
import { dirname } from "node:path";
import { Worker } from "node:worker_threads";
import type { SpfRequest } from "@postbus/contracts";
import { DeferError } from "@postbus/mail";
import { type MessageFacts, type SpfFindings, unchecked } from "@postbus/mail-auth";
import type { Logger } from "pino";
import type { Checks, MessageAsked } from "./checks.ts";
import type { FromWorker, Piece, ToWorker, WorkerSettings } from "./worker-protocol.ts";

export interface PoolOptions extends WorkerSettings {
  readonly workers: number;
  readonly log: Logger;
  /** The thread's program; another one in tests. */
  readonly script?: URL;
  /** How long a worker may not answer while it has tasks. */
  readonly stuckAfterMs?: number;
}

/** A check takes at most tens of milliseconds at a stretch; that much longer is an endless loop, or a dead machine. */
const STUCK_AFTER_MS = 10_000;
/** For all threads together; the service's own bound is below it. */
const MAX_TASKS = 50_000;
/** The heap of one thread: the library, the DNS cache, and 128 messages of which each holds a header section of 1 MiB. */
const MAX_HEAP_MIB = 512;
/** Of it, for what is young; with V8's own bound a thread takes 60 MB more under load, and is no faster (measured). */
const MAX_YOUNG_MIB = 6;

const SCRIPT = new URL("./check-worker.ts", import.meta.url);

/** What a task comes to. */
type Ending =
  | Extract<FromWorker, { kind: "spf" | "message" | "failed" }>
  /** The thread died, or nobody waits. */
  | { readonly kind: "lost"; readonly reason: string }
  /** The content could not be read. */
  | { readonly kind: "unreadable"; readonly err: unknown };

interface Task {
  readonly end: (ending: Ending) => void;
  readonly content: AsyncIterator<Buffer> | undefined;
}

interface Thread {
  readonly worker: Worker;
  readonly tasks: Map<number, Task>;
  /** When it last said something, or got its first task. */
  heardAtMs: number;
}

/**
 * Checks in threads of their own, so that nobody who shares our thread waits for cryptography and parsers.
 *
 * Threads are started when they are first needed. One that dies, or does not answer for `stuckAfterMs` (a message that
 * leads a parser into an endless loop), is replaced; what it was working on is answered with temperror.
 */
export class WorkerPool implements Checks {
  readonly #options: PoolOptions;
  readonly #threads: (Thread | undefined)[];
  readonly #stuckAfterMs: number;
  #lastId = 0;
  #tasks = 0;
  #watch: NodeJS.Timeout | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#threads = Array.from({ length: options.workers }, () => undefined);
    this.#stuckAfterMs = options.stuckAfterMs ?? STUCK_AFTER_MS;
  }

  async spf(request: SpfRequest, signal: AbortSignal): Promise<SpfFindings> {
    const ending = await this.#run(signal, undefined, (id) => ({
      message: { kind: "spf", id, request },
      transfer: [],
    }));
    if (ending.kind === "spf") return ending.findings;
    return { result: "temperror", domain: "", comment: whyNot(ending), queries: 0 };
  }

  async message(
    asked: MessageAsked,
    content: Buffer | AsyncIterable<Buffer>,
    signal: AbortSignal,
  ): Promise<MessageFacts> {
    const isInline = Buffer.isBuffer(content);
    // A copy that can be handed over: the original belongs to somebody's packet or database page.
    const octets = isInline ? new Uint8Array(content) : undefined;
    const pieces = isInline ? undefined : content[Symbol.asyncIterator]();
    try {
      const ending = await this.#run(signal, pieces, (id) => ({
        message: { kind: "message", id, asked, octets },
        transfer: octets === undefined ? [] : [octets.buffer],
      }));
      if (ending.kind === "unreadable") throw ending.err;
      return ending.kind === "message" ? ending.facts : unchecked(whyNot(ending));
    } finally {
      // Mostly it was not read to the end.
      await pieces?.return?.();
    }
  }

  async stop(): Promise<void> {
    clearInterval(this.#watch);
    await Promise.all(this.#threads.map((thread) => thread?.worker.terminate()));
  }

  async #run(
    signal: AbortSignal,
    content: AsyncIterator<Buffer> | undefined,
    question: (id: number) => { readonly message: ToWorker; readonly transfer: readonly ArrayBuffer[] },
  ): Promise<Ending> {
    if (signal.aborted) return { kind: "lost", reason: "nobody waits for the answer" };
    if (this.#tasks >= MAX_TASKS) throw new DeferError("verifier", "too many questions at one time");
    const thread = this.#leastBusy();
    const id = ++this.#lastId;
    const { promise, resolve: end } = Promise.withResolvers<Ending>();
    const cancel = (): void => {
      thread.worker.postMessage({ kind: "cancel", id } satisfies ToWorker);
      end({ kind: "lost", reason: "nobody waits for the answer" });
    };
    signal.addEventListener("abort", cancel, { once: true });
    if (thread.tasks.size === 0) thread.heardAtMs = performance.now();
    thread.tasks.set(id, { end, content });
    this.#tasks++;
    const { message, transfer } = question(id);
    thread.worker.postMessage(message, transfer);
    this.#watch ??= setInterval(() => this.#look(), this.#stuckAfterMs / 4).unref();
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", cancel);
      thread.tasks.delete(id);
      this.#tasks--;
    }
  }

  #leastBusy(): Thread {
    let best: { at: number; load: number } = { at: 0, load: Number.POSITIVE_INFINITY };
    for (const [at, thread] of this.#threads.entries()) {
      const load = thread?.tasks.size ?? 0;
      if (load < best.load) best = { at, load };
    }
    const thread = this.#threads[best.at] ?? this.#start(best.at);
    return thread;
  }

  #start(at: number): Thread {
    const { dnsServers, script, log } = this.#options;
    const worker = new Worker(script ?? SCRIPT, {
      name: `verifier ${at}`,
      workerData: { dnsServers } satisfies WorkerSettings,
      env: { ...process.env, ...compileCache() },
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MIB, maxYoungGenerationSizeMb: MAX_YOUNG_MIB },
    });
    const thread: Thread = { worker, tasks: new Map(), heardAtMs: performance.now() };
    this.#threads[at] = thread;
    worker.on("message", (message: FromWorker) => this.#hear(thread, message));
    worker.on("error", (err) => log.error({ err }, "verifier thread failed"));
    worker.on("exit", () => {
      if (this.#threads[at] === thread) this.#threads[at] = undefined;
      for (const { end } of thread.tasks.values())
        end({ kind: "lost", reason: "the check could not be carried through" });
    });
    // It is no reason for the process to go on.
    worker.unref();
    return thread;
  }

  #hear(thread: Thread, message: FromWorker): void {
    thread.heardAtMs = performance.now();
    if (message.kind === "pong") return;
    const task = thread.tasks.get(message.id);
    if (task === undefined) return;
    if (message.kind === "more") void this.#feed(thread, message, task);
    else task.end(message);
  }

  /** One piece of content for one `more`. */
  async #feed(thread: Thread, { id, spent }: Extract<FromWorker, { kind: "more" }>, task: Task): Promise<void> {
    try {
      const next = await task.content?.next();
      const octets = next === undefined || next.done === true ? undefined : copyInto(spent, next.value);
      const message: ToWorker = { kind: "piece", id, octets };
      thread.worker.postMessage(message, octets === undefined ? [] : [octets.buffer]);
    } catch (err) {
      thread.worker.postMessage({ kind: "cancel", id } satisfies ToWorker);
      task.end({ kind: "unreadable", err });
    }
  }

  #look(): void {
    for (const [at, thread] of this.#threads.entries()) {
      if (thread === undefined || thread.tasks.size === 0) continue;
      if (performance.now() - thread.heardAtMs > this.#stuckAfterMs) {
        this.#options.log.error({ tasks: thread.tasks.size }, "verifier thread does not answer, replaced");
        this.#threads[at] = undefined;
        void thread.worker.terminate();
      } else {
        thread.worker.postMessage({ kind: "ping" } satisfies ToWorker);
      }
    }
  }
}

/** A copy, in memory that was used for one before if it is large enough. */
function copyInto(spent: ArrayBuffer | undefined, octets: Buffer): Piece {
  const room = spent !== undefined && spent.byteLength >= octets.length ? spent : new ArrayBuffer(octets.length);
  const copy = new Uint8Array(room, 0, octets.length);
  copy.set(octets);
  return copy;
}

/** A thread has none of its own accord; with ours it needs no compiler for its sources: 7 MB and 100 ms less. */
function compileCache(): NodeJS.ProcessEnv {
  const directory = getCompileCacheDir();
  // That is the one for this version of Node.js, below the one that was given.
  return directory === undefined ? {} : { NODE_COMPILE_CACHE: dirname(directory) };
}

function whyNot(ending: Ending): string {
  if (ending.kind === "lost") return ending.reason;
  return ending.kind === "failed" ? ending.text : `unexpected answer: ${ending.kind}`;
}
