import type { Content } from "@postbus/contracts";
import type { Subscription } from "./bus.ts";

/** A question as the answering service gets it. */
export interface Question {
  readonly body: unknown;
  readonly content: Content | undefined;
  /** Aborted when the asker's deadline has passed, or he has left: nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

export interface RequestOptions {
  /** Deadline of the whole exchange. */
  readonly timeoutMs: number;
  /** Goes with the question: inline octets are sent along, spooled content by reference. */
  readonly content?: Content;
  /** The answer is not wanted any more: the request fails, and who works on it hears of that. */
  readonly signal?: AbortSignal;
}

export interface ServeOptions {
  readonly concurrency: number;
  /** Questions beyond those that wait for their turn; on NATS, where each is held in memory. Absent: 16 for each place. */
  readonly maxWaiting?: number;
}

/** Questions with answers; nothing is kept. One of the services that serve a subject answers. */
export interface RequestReply {
  /** @throws {DeferError} no answer in time, nobody serves the subject, or the service could not tell. */
  request(subject: string, body: object, options: RequestOptions): Promise<unknown>;
  /** A handler that throws makes the asker's request fail with the error's text; it does not end the service. */
  serve(
    subject: string,
    options: ServeOptions,
    handler: (question: Question) => Promise<object>,
  ): Promise<Subscription>;
  /** To every process that listens, now; nobody is waited for. For `control.*`. */
  broadcast(subject: string, body: object): void;
  listen(subject: string, handler: (body: unknown) => void): Promise<Subscription>;
}
