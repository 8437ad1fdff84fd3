import { randomUUID } from "node:crypto";
import type { Msg } from "@nats-io/nats-core";
import { type Content, INLINE_LIMIT_OCTETS } from "@postbus/contracts";
import { DeferError } from "@postbus/mail";
import type { Subscription } from "../bus.ts";
import { BusUnavailableError } from "../bus-error.ts";
import type { Question, RequestOptions, RequestReply, ServeOptions } from "../request-reply.ts";
import type { Link } from "./link.ts";

/** Services that answer the same subject share its questions. */
const QUEUE_GROUP = "services";
/** Questions that wait in a service for a free place, for each place: beyond it, it answers that it is busy. */
const WAITING_FOR_EACH = 16;

/** A client of ours waits for the answer: a server that is not back in so long is away. */
const RECONNECT_MS = 500;

type Frame = Readonly<Record<string, unknown>>;

/**
 * JSON behind its length (32 bits, big-endian), then the octets of inline content. As with items, the octets are not
 * copied when read.
 */
function encode(frame: Frame, octets?: Buffer): Buffer {
  const json = Buffer.from(JSON.stringify(frame));
  const head = Buffer.allocUnsafe(4);
  head.writeUInt32BE(json.length);
  return Buffer.concat(octets === undefined ? [head, json] : [head, json, octets]);
}

function decode(data: Uint8Array): { readonly frame: Frame; readonly octets: Buffer } {
  const all = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const end = 4 + all.readUInt32BE(0);
  return { frame: JSON.parse(all.toString("utf8", 4, end)) as Frame, octets: all.subarray(end) };
}

/** Where it is said that a question's answer is not wanted any more. */
const cancelled = (subject: string): string => `cancel.${subject}`;

/** A question that has come. */
interface Arrived {
  readonly subject: string;
  readonly msg: Msg;
  readonly arrivedAtMs: number;
  /** To be waited for; undefined: there is room at once. */
  readonly turn: Promise<void> | undefined;
  /** Those that are not answered yet, by id. */
  readonly open: Map<string, AbortController>;
}

export class NatsRequestReply implements RequestReply {
  readonly #link: Link;
  readonly #prefix: string;

  constructor(link: Link, prefix: string) {
    this.#link = link;
    this.#prefix = prefix;
  }

  async request(subject: string, body: object, { timeoutMs, content, signal }: RequestOptions): Promise<unknown> {
    const { kind } = content ?? {};
    const inline = content?.kind === "inline" ? content.octets : undefined;
    if (inline !== undefined && inline.length > INLINE_LIMIT_OCTETS) {
      throw new Error(`${subject}: ${inline.length} octets do not go inline (at most ${INLINE_LIMIT_OCTETS})`);
    }
    const id = signal === undefined ? undefined : randomUUID();
    const frame = { body, timeoutMs, kind, id, ...(content?.kind === "spooled" && { content }) };
    let reply: Msg;
    try {
      reply = await this.#ask(this.#prefix + subject, encode(frame, inline), timeoutMs, signal);
    } catch (err) {
      if (signal?.aborted === true) this.#link.send(this.#prefix + cancelled(subject), encode({ id }));
      throw new DeferError(subject, reasonOf(err, timeoutMs), { cause: err });
    }
    const { frame: answer } = decode(reply.data);
    if (typeof answer["error"] === "string") throw new DeferError(subject, answer["error"]);
    return answer["body"];
  }

  /** A question that was under way when the connection was lost has no answer. */
  async #ask(subject: string, octets: Buffer, timeoutMs: number, signal?: AbortSignal): Promise<Msg> {
    await this.#link.connected(Math.min(timeoutMs, RECONNECT_MS));
    const lost = Promise.withResolvers<never>();
    const forget = this.#link.onLoss(() => lost.reject(new BusUnavailableError("the connection was lost")));
    const leave = (): void => lost.reject(new Error("the answer is not wanted any more"));
    signal?.addEventListener("abort", leave, { once: true });
    try {
      signal?.throwIfAborted();
      return await Promise.race([this.#link.connection.request(subject, octets, { timeout: timeoutMs }), lost.promise]);
    } finally {
      forget();
      signal?.removeEventListener("abort", leave);
    }
  }

  async serve(
    subject: string,
    { concurrency, maxWaiting = concurrency * WAITING_FOR_EACH }: ServeOptions,
    handler: (question: Question) => Promise<object>,
  ): Promise<Subscription> {
    let running = 0;
    const waiting: (() => void)[] = [];
    const answers = new Set<Promise<void>>();
    const open = new Map<string, AbortController>();
    const cancels = this.#link.connection.subscribe(this.#prefix + cancelled(subject), {
      callback: (error, msg) => {
        if (error === null) this.#cancel(open, msg);
        else this.#link.onProblem(`serving ${subject}`, error);
      },
    });
    const subscription = this.#link.connection.subscribe(this.#prefix + subject, {
      queue: QUEUE_GROUP,
      callback: (error, msg) => {
        if (error !== null) return this.#link.onProblem(`serving ${subject}`, error);
        if (running >= concurrency && waiting.length >= maxWaiting) {
          msg.respond(encode({ error: "busy" }));
          return;
        }
        const arrivedAtMs = performance.now();
        const answer = (async () => {
          const turn = running >= concurrency ? new Promise<void>((resolve) => waiting.push(resolve)) : undefined;
          if (turn === undefined) running++;
          try {
            await this.#answer({ subject, msg, arrivedAtMs, turn, open }, handler);
          } finally {
            // The place goes to who has waited longest.
            const next = waiting.shift();
            if (next === undefined) running--;
            else next();
          }
        })().finally(() => answers.delete(answer));
        answers.add(answer);
      },
    });
    await this.#flush();
    return {
      drain: async () => {
        if (!this.#link.isClosed) await subscription.drain();
        await Promise.all(answers);
        if (!this.#link.isClosed) cancels.unsubscribe();
      },
    };
  }

  broadcast(subject: string, body: object): void {
    this.#link.send(this.#prefix + subject, encode({ body }));
  }

  async listen(subject: string, handler: (body: unknown) => void): Promise<Subscription> {
    const subscription = this.#link.connection.subscribe(this.#prefix + subject, {
      callback: (error, msg) => {
        try {
          if (error !== null) throw error;
          handler(decode(msg.data).frame["body"]);
        } catch (err) {
          this.#link.onProblem(`listening to ${subject}`, err);
        }
      },
    });
    await this.#flush();
    return {
      drain: async () => {
        if (!this.#link.isClosed) await subscription.drain();
      },
    };
  }

  /** Who has asked does not want to know any more. */
  #cancel(open: ReadonlyMap<string, AbortController>, msg: Msg): void {
    try {
      const id = decode(msg.data).frame["id"];
      if (typeof id === "string") open.get(id)?.abort(new DeferError("bus", "the answer is not wanted any more"));
    } catch (err) {
      this.#link.onProblem("cancelling a question", err);
    }
  }

  async #answer(
    { subject, msg, arrivedAtMs, turn, open }: Arrived,
    handler: (question: Question) => Promise<object>,
  ): Promise<void> {
    const abort = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    let id: unknown;
    try {
      const { frame, octets } = decode(msg.data);
      id = frame["id"];
      if (typeof id === "string") open.set(id, abort);
      await turn;
      if (abort.signal.aborted) return;
      const leftMs = Number(frame["timeoutMs"]) - (performance.now() - arrivedAtMs);
      if (leftMs <= 0) return; // Nobody waits any more.
      const expired = Promise.withResolvers<never>();
      // A handler that does not heed the signal must not keep its place for ever.
      abort.signal.addEventListener("abort", () => expired.reject(abort.signal.reason), { once: true });
      timer = setTimeout(() => abort.abort(new DeferError(subject, "nobody waits for the answer any more")), leftMs);
      const question = { body: frame["body"], content: contentOf(frame, octets), signal: abort.signal };
      msg.respond(encode({ body: await Promise.race([handler(question), expired.promise]) }));
    } catch (err) {
      if (!abort.signal.aborted) msg.respond(encode({ error: err instanceof Error ? err.message : String(err) }));
    } finally {
      clearTimeout(timer);
      if (typeof id === "string") open.delete(id);
      // A question that cannot be read has its turn, too.
      await turn;
    }
  }

  /** The server knows of the subscription. */
  async #flush(): Promise<void> {
    try {
      await this.#link.connection.flush();
    } catch (err) {
      throw new BusUnavailableError("subscribe", { cause: err });
    }
  }
}

function contentOf(frame: Frame, octets: Buffer): Content | undefined {
  if (frame["kind"] === "inline") return { kind: "inline", octets };
  return frame["kind"] === "spooled" ? (frame["content"] as Content) : undefined;
}

function reasonOf(err: unknown, timeoutMs: number): string {
  const text = err instanceof Error ? `${err.name} ${err.message}` : String(err);
  if (/no ?responders/i.test(text)) return "nobody serves it";
  if (/timeout/i.test(text)) return `no answer in ${timeoutMs} ms`;
  return text;
}
