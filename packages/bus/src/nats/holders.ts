import type { Subscription } from "@nats-io/nats-core";
import type { Link } from "./link.ts";
import type { ServerApi } from "./server-api.ts";
import type { Names } from "./topology.ts";
import type { WorkConsumer } from "./work-consumer.ts";

/** How long a consumer stands still at most, should who stopped it die. */
const STOPPED_MS = 30_000;
/** What is done meanwhile must have begun its last step by then. */
const WORK_MS = 20_000;
/** How long processes have to say what they hold: a busy one takes its time. Who asks out of curiosity waits less. */
const ANSWER_MS = 2_500;
const QUICK_ANSWER_MS = 300;

/** Sequences that a process has in hand, and whether they are about to end. */
type Answer = readonly (readonly [seq: number, isEnding: boolean])[];

/** Where the messages of a consumer are, at one moment. */
export type Whereabouts =
  /** Nobody has it. */
  | "waiting"
  | "in hand"
  /** It has come to its end, and will be removed. */
  | "ended"
  /** It was handed out; who has it does not answer, or has died. */
  | "unknown";

/**
 * Who has which item in hand. The server knows how many are out, not (for us to ask) which; the processes know which.
 * So an operator's command on a ready item stops the consumer for a moment, and asks them.
 */
export class Holders {
  readonly #link: Link;
  readonly #api: ServerApi;
  readonly #names: Names;
  readonly #subscription: Subscription;

  constructor(link: Link, api: ServerApi, names: Names, consumers: ReadonlySet<WorkConsumer>) {
    this.#link = link;
    this.#api = api;
    this.#names = names;
    this.#subscription = link.connection.subscribe(`${names.subject}held.*`, {
      callback: (error, msg) => {
        if (error !== null) {
          link.onProblem("telling what is in hand", error);
          return;
        }
        const stream = msg.subject.slice(msg.subject.lastIndexOf(".") + 1);
        const held = [...consumers].flatMap((consumer) => consumer.heldOf(stream));
        const answer: Answer = held.map(({ seq, isEnding }) => [seq, isEnding]);
        msg.respond(JSON.stringify(answer));
      },
    });
  }

  stop(): void {
    this.#subscription.unsubscribe();
  }

  /** Nothing is handed out meanwhile. @param work Asks before its last step whether that is still so. */
  async whileStopped<T>(stream: string, consumer: string, work: (isStopped: () => boolean) => Promise<T>): Promise<T> {
    const stoppedAtMs = performance.now();
    const until = new Date(Date.now() + STOPPED_MS);
    await this.#api.call(`stop ${consumer}`, ({ consumers }) => consumers.pause(stream, consumer, until));
    try {
      return await work(() => performance.now() - stoppedAtMs < WORK_MS);
    } finally {
      await this.#api.call(`resume ${consumer}`, ({ consumers }) => consumers.resume(stream, consumer));
    }
  }

  /**
   * @param isSure Something is to be taken away: a server that was killed has forgotten whom it gave what, so all are
   * asked, and patiently.
   * @returns where each message of the stream that the consumer is for, is.
   */
  async look(stream: string, consumer: string, { isSure = false } = {}): Promise<(seq: number) => Whereabouts> {
    const info = await this.#api.call(`ask ${consumer}`, ({ consumers }) => consumers.info(stream, consumer));
    const { ack_floor: floor, delivered, num_ack_pending: out } = info;
    const held = await this.#ask(stream, out, isSure);
    return (seq) => {
      const isEnding = held.get(seq);
      if (isEnding !== undefined) return isEnding ? "ended" : "in hand";
      if (seq > delivered.stream_seq) return "waiting";
      if (seq <= floor.stream_seq || held.size >= out) return "ended";
      return "unknown";
    };
  }

  /** @returns the sequences that are in hand; true: about to end. */
  async #ask(stream: string, out: number, isSure: boolean): Promise<Map<number, boolean>> {
    const held = new Map<number, boolean>();
    if (out === 0 && !isSure) return held;
    const answers = await this.#link.connection.requestMany(`${this.#names.subject}held.${stream}`, undefined, {
      strategy: "timer",
      maxWait: isSure && out > 0 ? ANSWER_MS : QUICK_ANSWER_MS,
    });
    for await (const msg of answers) {
      for (const [seq, isEnding] of msg.json<Answer>()) held.set(seq, isEnding);
      if (out > 0 && held.size >= out) break;
    }
    return held;
  }
}
