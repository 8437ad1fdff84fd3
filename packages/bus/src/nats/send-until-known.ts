import { headers, type MsgHdrs } from "@nats-io/nats-core";
import { BusUnavailableError } from "../bus-error.ts";
import { type Link, ReplyLostError } from "./link.ts";
import { isPassing, type PubAck, readPubAck } from "./server-error.ts";

/** For how long a publish is tried without a server: so short that a client hears 451 within 10 s when the bus is away. */
export const PUBLISH_BUDGET_MS = 8_000;
/**
 * For how long beyond it, at the edge, while there is a server to ask: a cluster chooses a leader within 4 to 9 s, sometimes
 * at the second try (seen: 16 s). A client that hears 451 comes again in minutes; and if its message was stored, on its
 * way to the old leader, it goes out twice. Far below the 10 minutes that a client waits (RFC 5321 §4.5.3.2.6).
 */
const ASKING_MS = 22_000;
/** For so long the server must remember an id. */
export const ID_MEMORY_MS = PUBLISH_BUDGET_MS + ASKING_MS;
/** Between two tries while the server answers "not now". */
export const RETRY_PAUSE_MS = 200;
/** For the answer to a ping. */
const PING_MS = 1_000;

export interface Message {
  readonly subject: string;
  /** `Nats-Msg-Id`; absent where a repetition does no harm. */
  readonly id?: string;
  readonly payload: Uint8Array;
  /** What else the server must understand: `Nats-Schedule` and its like. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Sends once. @throws {RefusedError | ReplyLostError} */
export async function sendOnce(link: Link, message: Message): Promise<PubAck> {
  return readPubAck(await link.request(message.subject, message.payload, headersOf(message)));
}

export function headersOf(message: Message): MsgHdrs {
  const hdrs = headers();
  if (message.id !== undefined) hdrs.set("Nats-Msg-Id", message.id);
  // By hand: the client's own `schedule` option is silently dropped inside a batch (@nats-io/jetstream 3.4.0).
  for (const [name, value] of Object.entries(message.headers ?? {})) hdrs.set(name, value);
  return hdrs;
}

export interface SendOptions {
  /** By the monotonic clock; later where a server can be asked, at the edge. */
  readonly giveUpAtMs: number;
  /** At the edge; told if it was given up and may be stored, so that it can be cancelled. */
  readonly onUnknown: ((message: Message) => void) | undefined;
}

/**
 * Sends a message under its id until it is known to be stored or refused, or the time is up.
 *
 * @throws {RefusedError} it is not stored. @throws {BusUnavailableError} the time is up; says whether it may be stored.
 */
export async function sendUntilKnown(link: Link, message: Message, options: SendOptions): Promise<PubAck> {
  const { giveUpAtMs, onUnknown } = options;
  for (let mayBeStored = false; ; ) {
    try {
      return await sendOnce(link, message);
    } catch (err) {
      // A refusal says something of this try, nothing of an earlier one that got no answer.
      if (!isPassing(err) && !mayBeStored) throw err;
      mayBeStored ||= err instanceof ReplyLostError && err.mayBeDone;
      // Who holds an item has no more time: its lease ends.
      if (await isTriedAgain(link, giveUpAtMs, onUnknown === undefined ? 0 : ASKING_MS)) continue;
      if (mayBeStored) onUnknown?.(message);
      const fate = mayBeStored ? "outcome unknown" : "not stored";
      throw new BusUnavailableError(`publish: ${fate} when the time was up`, { cause: err });
    }
  }
}

async function isTriedAgain(link: Link, giveUpAtMs: number, askingMs: number): Promise<boolean> {
  const leftMs = giveUpAtMs - performance.now();
  if (leftMs > 0) return link.isBack(leftMs, RETRY_PAUSE_MS);
  const moreMs = leftMs + askingMs;
  return moreMs > 0 && (await link.answers(PING_MS)) && link.isBack(moreMs, RETRY_PAUSE_MS);
}
