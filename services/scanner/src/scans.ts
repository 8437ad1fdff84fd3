import { createHash } from "node:crypto";
import type { Content, ScanAnswer, ScanRequest, ScanTask, ScanVerdict } from "@postbus/contracts";
import { DeferError } from "@postbus/mail";
import type { Spool } from "@postbus/spool";
import type { Logger } from "pino";
import type { Engine, Scanned } from "./engines/engine.ts";
import { engines } from "./engines/index.ts";
import type { EngineHosts } from "./hosts/engine-hosts.ts";
import type { KeptVerdicts } from "./kept-verdicts.ts";
import { ScannedMessage } from "./message/scanned-message.ts";
import type { ScanMetrics } from "./metrics.ts";
import type { Kept, OtherScanners } from "./other-scanners.ts";

/** The bus may bring a question twice; a client that has no answer comes again. */
const KEPT_FOR_MESSAGE_MS = 3_600_000;
/** Signatures and rules of engines change. */
const KEPT_FOR_CONTENT_MS = 600_000;
/** Of the asker's time: so long another scanner that asks the same is waited for; the rest is for asking ourselves. */
const SHARE_FOR_OTHERS = 0.5;

export interface ScansOptions {
  readonly hosts: EngineHosts;
  readonly spool: Pick<Spool, "read">;
  readonly metrics: Pick<ScanMetrics, "answered">;
  readonly log: Logger;
  /** Questions to one engine at one time. */
  readonly concurrency: number;
  readonly kept: KeptVerdicts;
  /** Undefined: there are none. */
  readonly others?: Pick<OtherScanners, "asking" | "answered" | "over"> | undefined;
}

/**
 * Answers questions about messages. The same question about the same message is put to an engine once, however often it
 * comes, and to whichever scanner; what an engine could not say is not kept.
 */
export class Scans {
  readonly #options: ScansOptions;
  readonly #kept: KeptVerdicts;
  readonly #running = new Map<string, Promise<{ verdict: ScanVerdict; result: "scanned" | "kept" }>>();
  readonly #counts = new Map<string, number>();

  constructor(options: ScansOptions) {
    this.#options = options;
    this.#kept = options.kept;
  }

  /** @throws only what is a bug, or content that cannot be read. */
  async answer(request: ScanRequest, content: Content): Promise<ScanAnswer> {
    const { metrics, log } = this.#options;
    const { task, messageId } = request;
    const { engine } = task;
    try {
      const { verdict, result } = await this.#verdict(request, content);
      metrics.answered(engine, result);
      return { v: 2, state: "scanned", verdict };
    } catch (err) {
      if (!(err instanceof DeferError)) throw err;
      metrics.answered(engine, err instanceof BusyError ? "busy" : "failed");
      log.warn({ err, messageId, engine }, "no verdict about a message");
      return { v: 2, state: "failed", reason: err.message };
    }
  }

  async #verdict(
    request: ScanRequest,
    content: Content,
  ): Promise<{ verdict: ScanVerdict; result: "scanned" | "kept" }> {
    const { others, spool } = this.#options;
    const { task, messageId, timeoutMs } = request;
    const asked = digestOf(task);
    const key = `${messageId} ${asked}`;
    const known = this.#kept.get(key);
    if (known !== undefined) return { verdict: known, result: "kept" };
    const joined = this.#running.get(key);
    if (joined !== undefined) return { verdict: (await joined).verdict, result: "kept" };

    const message = new ScannedMessage(request, content, spool);
    const contentKey = engineOf(task).keeps === "content" ? `${message.digest()} ${asked}` : undefined;
    const shared = contentKey ?? key;
    const before = this.#kept.get(shared);
    if (before !== undefined) return { verdict: before, result: "kept" };
    const elsewhere = others?.over(shared, timeoutMs * SHARE_FOR_OTHERS);
    const running = this.#scan(request, message, { key, contentKey }, elsewhere);
    this.#running.set(key, running);
    try {
      const { verdict, result } = await running;
      return { verdict, result };
    } finally {
      this.#running.delete(key);
    }
  }

  /** @param elsewhere Another scanner asks the same; when that is over, there may be an answer. */
  async #scan(
    request: ScanRequest,
    message: ScannedMessage,
    { key, contentKey }: { readonly key: string; readonly contentKey: string | undefined },
    elsewhere: Promise<void> | undefined,
  ): Promise<{ verdict: ScanVerdict; result: "scanned" | "kept" }> {
    const { others } = this.#options;
    const shared = contentKey ?? key;
    const startMs = performance.now();
    if (elsewhere !== undefined) {
      await elsewhere;
      const verdict = this.#kept.get(shared);
      if (verdict !== undefined) return { verdict, result: "kept" };
    }
    const timeoutMs = Math.max(1, Math.ceil(request.timeoutMs - (performance.now() - startMs)));
    others?.asking(shared, timeoutMs);
    let said: Kept | undefined;
    try {
      const { verdict, isForNow } = await this.#ask({ ...request, timeoutMs }, message);
      const keys = [{ key, forMs: KEPT_FOR_MESSAGE_MS }];
      if (contentKey !== undefined && !isForNow) keys.push({ key: contentKey, forMs: KEPT_FOR_CONTENT_MS });
      for (const { key: name, forMs } of keys) this.#kept.keep(name, verdict, forMs);
      said = { keys, verdict };
      return { verdict, result: "scanned" };
    } finally {
      others?.answered(shared, said);
    }
  }

  async #ask({ task, timeoutMs }: ScanRequest, message: ScannedMessage): Promise<Scanned<ScanVerdict>> {
    const { hosts, concurrency } = this.#options;
    const running = this.#counts.get(task.engine) ?? 0;
    if (running >= concurrency) throw new BusyError(task.engine, concurrency);
    this.#counts.set(task.engine, running + 1);
    try {
      // Not the asker's signal: another one may have joined.
      return await engineOf(task).scan(task, message, hosts, AbortSignal.timeout(timeoutMs));
    } finally {
      this.#counts.set(task.engine, (this.#counts.get(task.engine) ?? 1) - 1);
    }
  }
}

/** Too many wait for an engine that is too slow for them. */
class BusyError extends DeferError {
  constructor(engine: string, concurrency: number) {
    super(engine, `${concurrency} messages are being looked at`);
  }
}

/** The table has for each name the engine that takes such tasks, which the type system cannot see through a union. */
const engineOf = ({ engine }: ScanTask): Engine => engines[engine] as unknown as Engine;

const digestOf = (task: ScanTask): string => createHash("sha256").update(JSON.stringify(task)).digest("base64");
