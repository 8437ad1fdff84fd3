import type { MessagePage, RejectPage } from "./history.ts";
import { type StoredMessage, summaryOf } from "./message-view.ts";
import { type RejectRow, rejectOf } from "./rows.ts";

/** @param end Where the scan ended; undefined: at the end of the table, or it was ended by the page being full. */
export function messagePage(rows: readonly StoredMessage[], limit: number, end: string | undefined): MessagePage {
  const next = rows.length === limit ? rows.at(-1)?.id : end;
  return { messages: rows.map(summaryOf), ...(next === undefined ? {} : { next }) };
}

export function rejectPage(rows: readonly RejectRow[], limit: number): RejectPage {
  const last = rows.length === limit ? rows.at(-1) : undefined;
  return { rejects: rows.map(rejectOf), ...(last === undefined ? {} : { next: `${last.atMs} ${last.id}` }) };
}
