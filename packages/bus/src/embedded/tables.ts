import type { Queue } from "../bus.ts";
import { type RecordWrite, Table } from "./table.ts";
import type { TablesFile } from "./tables-file.ts";

/** The tables of the embedded bus. */
export interface Tables {
  /** Item id → item. To be handed out, or in a handler's hands: an item leaves with the commit that ends it. */
  readonly ready: Readonly<Record<Queue, Table>>;
  /** Item id → item that has a not-before time… */
  readonly deferred: Table;
  /** …and `<milliseconds>/<item id>` → nothing, so that the next one due is the first key. */
  readonly due: Table;
  /** Item id → item that waits for an operator. */
  readonly frozen: Table;
  /** Message id → octets of inline content, written once when the message's first item is published. */
  readonly content: Table;
  /** Message id → number of open items; only of messages that have several, and of all with spooled content. */
  readonly open: Table;
  /** Number of a commit's last event → all its events. */
  readonly events: Table;
  /** `<bucket>/<key>` → shared value. */
  readonly values: Table;
  /** A few words about the file itself. */
  readonly meta: Table;
}

/** Opens all of them. @param record Where they hand what is written to them. */
export function openTables(file: TablesFile, record: RecordWrite): { tables: Tables; numbered: readonly Table[] } {
  const numbered: Table[] = [];
  const table = (name: string): Table => {
    const made = new Table(name, file.open(name), record);
    numbered.push(made);
    return made;
  };
  // Records of the journal name them by their order here: a new one comes last.
  const tables = {
    ready: { route: table("ready.route"), deliver: table("ready.deliver") },
    deferred: table("deferred"),
    due: table("due"),
    frozen: table("frozen"),
    content: table("content"),
    open: table("open"),
    events: table("events"),
    values: table("values"),
    meta: table("meta"),
  };
  return { tables, numbered };
}
