import type { MailEvent, Rejected } from "@postbus/contracts";
import { type DmarcRow, dmarcRow } from "./dmarc-results.ts";
import { flagChange } from "./message-state.ts";

/** A batch of events as rows. Both drivers store exactly this. */
export interface Rows {
  readonly messages: readonly MessageRow[];
  readonly events: readonly EventRow[];
  readonly rejects: readonly RejectRow[];
  readonly dmarc: readonly DmarcRow[];
}

/** One per message of the batch; undefined columns leave what is stored. */
export interface MessageRow {
  readonly id: string;
  readonly arrival: Arrival | undefined;
  readonly set: number;
  readonly clear: number;
}

/** What there is to say of a message from the beginning, or of what did not become one. */
export interface Arrival {
  readonly atMs: number;
  /** Undefined: it has not come to that. */
  readonly returnPath: string | undefined;
  readonly recipients: readonly string[];
  readonly size: number | undefined;
  readonly client: string | undefined;
}

export interface EventRow {
  readonly messageId: string;
  readonly id: string;
  readonly atMs: number;
  readonly name: string;
  /** JSON of the fields that have no column. */
  readonly body: string;
}

export interface RejectRow {
  readonly atMs: number;
  readonly id: string;
  readonly body: string;
}

export function rowsOf(events: readonly MailEvent[]): Rows {
  const messages = new Map<string, { id: string; arrival: Arrival | undefined; set: number; clear: number }>();
  const eventRows: EventRow[] = [];
  const rejects: RejectRow[] = [];
  const dmarc: DmarcRow[] = [];
  for (const event of events) {
    if (event.name === "smtp:reject") {
      rejects.push(rejectRow(event));
      continue;
    }
    // It is the log's.
    if (event.name === "log:line") continue;
    if (event.name === "dmarc:check") {
      const row = dmarcRow(event);
      if (row !== undefined) dmarc.push(row);
      continue;
    }
    const { v: _version, id, messageId, atMs, name, ...body } = event;
    eventRows.push({ messageId, id, atMs: Math.trunc(atMs), name, body: JSON.stringify(body) });
    const { set, clear } = flagChange(event);
    const row = messages.get(messageId);
    const arrival = arrivalOf(event) ?? row?.arrival;
    if (row === undefined) {
      messages.set(messageId, { id: messageId, arrival, set, clear });
    } else {
      row.arrival = arrival;
      row.set = (row.set & ~clear) | set;
      row.clear |= clear;
    }
  }
  return { messages: [...messages.values()], events: eventRows, rejects, dmarc };
}

function arrivalOf(event: MailEvent): Arrival | undefined {
  if (event.name === "msg:received") {
    const { atMs, returnPath, recipients, reception } = event;
    return { atMs: Math.trunc(atMs), returnPath, recipients, size: reception.size, client: reception.clientAddress };
  }
  if (event.name !== "msg:decided" || event.outcome === "accepted") return undefined;
  const { atMs, returnPath, recipients = [], clientAddress } = event;
  return { atMs: Math.trunc(atMs), returnPath, recipients, size: undefined, client: clientAddress };
}

function rejectRow(event: Rejected): RejectRow {
  // The header section of a message that was refused is the rejectlog's.
  const { v: _version, id, atMs, name: _name, details: _details, ...body } = event;
  return { atMs: Math.trunc(atMs), id, body: JSON.stringify(body) };
}

/** The event again. What is in the table was checked when it was put on the bus. */
export function eventOf({ messageId, id, atMs, name, body }: EventRow): MailEvent {
  return { v: 1, id, messageId, atMs, name, ...parseBody(body) } as MailEvent;
}

export function rejectOf({ atMs, id, body }: RejectRow): Rejected {
  return { v: 1, id, atMs, name: "smtp:reject", ...parseBody(body) } as Rejected;
}

const parseBody = (body: string): object =>
  JSON.parse(body, (_key, value: unknown) => (typeof value === "string" ? readable(value) : value)) as object;

/**
 * Octets in a latin1 string as text. Addresses are octets on the bus, and UTF-8 ones if the message is SMTPUTF8
 * (RFC 6531 §3.3); what is no UTF-8 stays as it is.
 */
export function readable(octets: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII is meant
  if (/^[\x00-\x7f]*$/.test(octets) || /[^\x00-\xff]/.test(octets)) return octets;
  const text = Buffer.from(octets, "latin1").toString("utf8");
  return text.includes("\ufffd") ? octets : text;
}

/** The opposite of `readable`, for filters. */
export const asOctets = (text: string): string => Buffer.from(text, "utf8").toString("latin1");
