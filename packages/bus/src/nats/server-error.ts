import { JetStreamApiError } from "@nats-io/jetstream";
import type { Msg } from "@nats-io/nats-core";
import { BusFullError, BusUnavailableError } from "../bus-error.ts";
import { ReplyLostError } from "./link.ts";

/** What the server answered instead of doing it. Codes: nats-server, `server/errors.json`. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
  readonly code: number;

  constructor(code: number, description: string) {
    super(`${description} (${code})`);
    this.code = code;
  }
}

/** Resources of account, server, memory, storage exceeded; "store failed", which is how `max_bytes` and a full disk look. */
const FULL = new Set([10002, 10023, 10028, 10047, 10077]);
/** "wrong last sequence": somebody else was first. */
const CONFLICT = new Set([10071, 10164]);
/** No peers, not assigned, no leader, Raft, stream or consumer offline, too many batches at once: it passes. */
const PASSING = new Set([10005, 10007, 10008, 10009, 10041, 10118, 10119, 10210]);
/** Consumer, message, sequence, "message delete failed", stream. */
const NOT_FOUND = new Set([10014, 10037, 10043, 10057, 10059]);

/** "replicas > 1 not supported in non-clustered mode" */
const ALONE = new Set([10074]);

const codeOf = (err: unknown): number | undefined => {
  if (err instanceof RefusedError) return err.code;
  if (err instanceof JetStreamApiError) return err.code;
  return undefined;
};
const within = (set: ReadonlySet<number>, err: unknown): boolean => set.has(codeOf(err) ?? -1);

export const isFull = (err: unknown): boolean => within(FULL, err);
export const isConflict = (err: unknown): boolean => within(CONFLICT, err);
export const isAlone = (err: unknown): boolean => within(ALONE, err);
export const isNotFound = (err: unknown): boolean => within(NOT_FOUND, err);

/** Whether asking again may help: no answer, no connection, no leader just now. */
export function isPassing(err: unknown): boolean {
  if (within(PASSING, err) || err instanceof ReplyLostError) return true;
  if (!(err instanceof Error)) return false;
  return /^(TimeoutError|RequestError|NoRespondersError|ConnectionError|JetStreamNotEnabled)$/.test(err.name);
}

/** As the errors of the interface; what is neither is a bug and stays what it is. */
export function asBusError(what: string, err: unknown): Error {
  if (err instanceof BusFullError || err instanceof BusUnavailableError) return err;
  const text = `${what}: ${err instanceof Error ? err.message : String(err)}`;
  if (isFull(err)) return new BusFullError(text, { cause: err });
  if (isPassing(err) || /^(ClosedConnection|DrainingConnection)Error$/.test(err instanceof Error ? err.name : "")) {
    return new BusUnavailableError(text, { cause: err });
  }
  return err instanceof Error ? err : new Error(text);
}

export interface PubAck {
  readonly seq: number;
  readonly duplicate: boolean;
}

/** Reads the server's answer to a publish. @throws {RefusedError | ReplyLostError} */
export function readPubAck(reply: Msg): PubAck {
  if (reply.data.length === 0) {
    // No stream listens there just now: no leader, or (the checks at start exclude it) it was never made.
    if (reply.headers?.code === 503) throw new ReplyLostError("no stream answers", { mayBeDone: false });
    throw new RefusedError(0, "empty answer");
  }
  const answer: unknown = JSON.parse(
    Buffer.from(reply.data.buffer, reply.data.byteOffset, reply.data.length).toString(),
  );
  if (typeof answer !== "object" || answer === null) throw new RefusedError(0, "not an answer");
  if ("error" in answer && typeof answer.error === "object" && answer.error !== null) {
    const { err_code: code = 0, description = "refused" } = answer.error as { err_code?: number; description?: string };
    throw new RefusedError(code, description);
  }
  const { seq, duplicate } = answer as { seq?: number; duplicate?: boolean };
  if (typeof seq !== "number") throw new RefusedError(0, "an answer without a sequence");
  return { seq, duplicate: duplicate === true };
}
