import type { RecordType } from "./record.ts";
import { type Response, readResponse, type TypedQuery } from "./response.ts";
import type { ServerAddress } from "./server-address.ts";

/** One question to one server, over one transport. */
export interface ExchangeRequest<T extends RecordType> {
  readonly server: ServerAddress;
  readonly query: TypedQuery<T>;
  readonly timeoutMs: number;
  /** Nobody waits for an answer any more. */
  readonly signal?: AbortSignal | undefined;
}

/** How an exchange ends. What goes wrong with a server is a `failure`; an exchange never throws. */
export type Outcome<T extends RecordType> = Exclude<Response<T>, { kind: "stray" }>;

export const readFrom = <T extends RecordType>(request: ExchangeRequest<T>, packet: Buffer): Response<T> =>
  readResponse(packet, request.query, request.server.isTrusted);

type Failure = Extract<Outcome<never>, { kind: "failure" }>;

export const noAnswer = (timeoutMs: number): Failure => silent(`no answer in ${Math.round(timeoutMs)} ms`);
/** What comes of an exchange that nobody waits for any more. */
export const givenUp: Failure = { kind: "failure", reason: "given up", isSilent: false };
/** @param reason Why nothing was heard of the server. */
export const silent = (reason: string): Failure => ({ kind: "failure", reason, isSilent: true });
/** @param reason What is wrong with what was heard. */
export const failed = (reason: string): Failure => ({ kind: "failure", reason, isSilent: false });
