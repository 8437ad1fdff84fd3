import { createInbox, type Msg, type Subscription } from "@nats-io/nats-core";
import type { Link } from "./link.ts";

/** How long the server keeps a request for items open. */
const EXPIRES_MS = 30_000;
/** While a request is open, the server says so often that it still knows of it. */
const HEARTBEAT_MS = 5_000;
/** After so many missed heartbeats the request is taken for lost, and repeated. */
const SILENCE_MS = 3 * HEARTBEAT_MS;
/** After an answer such as "consumer deleted" or "leadership change". */
const PAUSE_MS = 500;
const TICK_MS = 1_000;
const NANOSECONDS = 1_000_000;

export interface PullOptions {
  readonly stream: string;
  readonly consumer: string;
  /** How many messages may be here at one time. */
  readonly capacity: () => number;
  /** How many more messages may come. Asked again after each message and each `wake`. */
  readonly room: () => number;
  readonly onMessage: (message: Msg) => void;
  /** The server knows the consumer no more, or dropped the connection's state. */
  readonly onGone?: () => void;
}

/** Asks a consumer for messages, never for more than there is room for, and asks again when the asking was lost. */
export class PullSource {
  readonly #link: Link;
  readonly #options: PullOptions;
  readonly #inbox = createInbox();
  readonly #subscription: Subscription;
  readonly #timer: NodeJS.Timeout;
  readonly #forget: () => void;
  /** Messages asked for and not come yet. */
  #awaited = 0;
  #heardAtMs = performance.now();
  #pausedUntilMs = 0;
  #stopped = false;

  constructor(link: Link, options: PullOptions) {
    this.#link = link;
    this.#options = options;
    this.#subscription = link.connection.subscribe(this.#inbox, { callback: (error, msg) => this.#on(error, msg) });
    this.#timer = setInterval(() => this.#tick(), TICK_MS).unref();
    this.#forget = link.onReconnect(() => this.#restart());
  }

  /** There may be room again. */
  wake(): void {
    if (this.#stopped || this.#link.disconnectedAt !== undefined || performance.now() < this.#pausedUntilMs) return;
    const more = this.#options.room() - this.#awaited;
    // Not one request for each message, but one when a quarter of the room is free.
    if (more < Math.ceil(this.#options.capacity() / 4)) return;
    if (this.#awaited === 0) this.#heardAtMs = performance.now();
    this.#awaited += more;
    const { stream, consumer } = this.#options;
    const request = { batch: more, expires: EXPIRES_MS * NANOSECONDS, idle_heartbeat: HEARTBEAT_MS * NANOSECONDS };
    this.#link.connection.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`, JSON.stringify(request), {
      reply: this.#inbox,
    });
  }

  /** Resolves when nothing can come any more; what was on its way has come. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    clearInterval(this.#timer);
    this.#forget();
    if (this.#link.disconnectedAt !== undefined || this.#link.isClosed) this.#subscription.unsubscribe();
    else await this.#subscription.drain();
  }

  #on(error: Error | null, msg: Msg): void {
    if (error !== null) {
      this.#link.onProblem(`messages of ${this.#options.consumer}`, error);
      return;
    }
    this.#heardAtMs = performance.now();
    if (msg.reply?.startsWith("$JS.ACK.") !== true) {
      this.#onStatus(msg);
      return;
    }
    if (this.#awaited > 0) this.#awaited--;
    this.#options.onMessage(msg);
    this.wake();
  }

  /** Answers without a message: 100 heartbeat, 404/408 end of a request, 409 trouble, 503 nobody there. */
  #onStatus(msg: Msg): void {
    const code = msg.headers?.code ?? 0;
    if (code === 100) return;
    const unserved = Number(msg.headers?.get("Nats-Pending-Messages") || 0);
    this.#awaited = code === 503 ? 0 : Math.max(0, this.#awaited - unserved);
    if (code === 404 || code === 408) {
      this.wake();
      return;
    }
    const text = msg.headers?.description ?? "";
    this.#pausedUntilMs = performance.now() + PAUSE_MS;
    this.#awaited = 0;
    if (code === 503 || /deleted|not found/i.test(text)) this.#options.onGone?.();
    // The timer asks again.
  }

  #tick(): void {
    if (this.#awaited > 0 && performance.now() - this.#heardAtMs > SILENCE_MS) {
      this.#awaited = 0;
      this.#options.onGone?.();
    }
    this.wake();
  }

  #restart(): void {
    this.#awaited = 0;
    this.#pausedUntilMs = 0;
    this.wake();
  }
}

/** What the server says of a message in the subject for its acknowledgement (`$JS.ACK.…`, 9 tokens; with a domain 11 or 12). */
export function deliveryOf(reply: string): { readonly count: number; readonly seq: number; readonly order: number } {
  const tokens = reply.split(".");
  const at = tokens.length > 9 ? 6 : 4;
  return { count: Number(tokens[at]), seq: Number(tokens[at + 1]), order: Number(tokens[at + 2]) };
}
