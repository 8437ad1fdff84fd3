import { createHash } from "node:crypto";
import type { Content, ScanAnswer, ScanRequest, ScanTask, ScanVerdict } from "@postbus/contracts";
import { DeferError } from "@postbus/mail";
import type { Spool } from "@postbus/spool";
import type { Logger } from "pino";
import type { Engine, Scanned } from "./engines/engine.ts";
import { engines } from "./engines/index.ts";
import type { EngineHosts } from "./hosts/engine-hosts.ts";
import { KeptVerdicts } from "./kept-verdicts.ts";
import { ScannedMessage } from "./message/scanned-message.ts";
import type { ScanMetrics } from "./metrics.ts";

/** The bus may bring a question twice; a client that has no answer comes again. */
const KEPT_FOR_MESSAGE_MS = 3_600_000;
/** Signatures and rules of engines change. */
const KEPT_FOR_CONTENT_MS = 600_000;

export interface ScansOptions {
  readonly hosts: EngineHosts;
  readonly spool: Pick<Spool, "read">;
  readonly metrics: Pick<ScanMetrics, "answered">;
  readonly log: Logger;
  /** Questions to one engine at one time. */
  readonly concurrency: number;
}

/**
 * Answers questions about messages. The same question about the same message is put to an engine once, however often it
 * comes; what an engine could not say is not kept.
 */
export class Scans {
  readonly #options: ScansOptions;
  readonly #kept = new KeptVerdicts();
  readonly #running = new Map<string, Promise<Scanned<ScanVerdict>>>();
  readonly #counts = new Map<string, number>();

  constructor(options: ScansOptions) {
    this.#options = options;
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
    const { task, messageId } = request;
    const asked = digestOf(task);
    const key = `${messageId} ${asked}`;
    const known = this.#kept.get(key);
    if (known !== undefined) return { verdict: known, result: "kept" };
    const joined = this.#running.get(key);
    if (joined !== undefined) return { verdict: (await joined).verdict, result: "kept" };

    const message = new ScannedMessage(request, content, this.#options.spool);
    const contentKey = engineOf(task).keeps === "content" ? `${message.digest()} ${asked}` : undefined;
    const before = contentKey === undefined ? undefined : this.#kept.get(contentKey);
    if (before !== undefined) return { verdict: before, result: "kept" };
    const running = this.#scan(request, message);
    this.#running.set(key, running);
    try {
      const { verdict, isForNow } = await running;
      this.#kept.keep(key, verdict, KEPT_FOR_MESSAGE_MS);
      if (contentKey !== undefined && !isForNow) this.#kept.keep(contentKey, verdict, KEPT_FOR_CONTENT_MS);
      return { verdict, result: "scanned" };
    } finally {
      this.#running.delete(key);
    }
  }

  async #scan({ task, timeoutMs }: ScanRequest, message: ScannedMessage): Promise<Scanned<ScanVerdict>> {
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
