import type { MailEvent } from "@postbus/contracts";
import { EVENTS_LIMIT, type MessageHistory, type MessageSummary, type RecipientHistory } from "./history.ts";
import { stateOf } from "./message-state.ts";
import { type EventRow, eventOf, readable } from "./rows.ts";

/** A row of the table `messages`, as both drivers give it. */
export interface StoredMessage {
  readonly id: string;
  readonly received_at: number | null;
  readonly return_path: string | null;
  /** One address a line. */
  readonly recipients: string | null;
  readonly size: number | null;
  readonly client: string | null;
  readonly flags: number;
}

export function summaryOf(row: StoredMessage): MessageSummary {
  return {
    id: row.id,
    state: stateOf(row.flags),
    ...(row.received_at === null ? {} : { receivedAtMs: row.received_at }),
    ...(row.return_path === null ? {} : { returnPath: readable(row.return_path) }),
    recipients: row.recipients === null || row.recipients === "" ? [] : row.recipients.split("\n").map(readable),
    ...(row.size === null ? {} : { size: row.size }),
    ...(row.client === null ? {} : { clientAddress: row.client }),
  };
}

/** @param rows In order, up to one more than `EVENTS_LIMIT`. */
export function messageHistory(message: StoredMessage, rows: readonly EventRow[]): MessageHistory {
  const summary = summaryOf(message);
  const events = rows.slice(0, EVENTS_LIMIT).map(eventOf);
  const { state, recipients } = summary;
  const first = state === "refused" || state === "discarded" ? state : "queued";
  const recipientStates = recipientHistories(recipients, first, events);
  return { ...summary, events, isCut: rows.length > EVENTS_LIMIT, recipientStates };
}

function recipientHistories(
  given: readonly string[],
  first: RecipientHistory["state"],
  events: readonly MailEvent[],
): readonly RecipientHistory[] {
  const states = new Map<string, RecipientHistory>();
  for (const address of given) states.set(address, { address, state: first });
  for (const event of events) {
    const next = recipientHistory(event);
    // A recipient that was delivered stays so, whatever a second process reports of an attempt that it gave up.
    if (next !== undefined && states.get(next.address)?.state !== "delivered") states.set(next.address, next);
  }
  return [...states.values()];
}

function recipientHistory(event: MailEvent): RecipientHistory | undefined {
  switch (event.name) {
    case "msg:delivery":
      return attempt(event, "delivered", event.confirmation);
    case "msg:defer":
      return { ...attempt(event, "deferred", event.text), nextTryAtMs: event.nextTryAtMs };
    case "msg:fail:delivery":
      return attempt(event, "failed", event.text);
    default:
      return undefined;
  }
}

function attempt(
  event: { readonly recipient: string; readonly atMs: number; readonly host?: string },
  state: RecipientHistory["state"],
  text: string | undefined,
): RecipientHistory {
  return {
    address: event.recipient,
    state,
    atMs: event.atMs,
    ...(text === undefined ? {} : { text }),
    ...(event.host === undefined ? {} : { host: event.host }),
  };
}
