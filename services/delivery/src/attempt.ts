import type { Publication, WorkItem } from "@postbus/bus";
import type { Content, DeliveryItem, MailEvent } from "@postbus/contracts";
import type { AttemptResult } from "@postbus/queue";
import type { AttemptEvents } from "./events/attempt-events.ts";
import type { ContentFilter } from "./message/outgoing-content.ts";

/** What a transport gets: the item as the bus handed it out, its header checked. */
export interface Attempt {
  readonly work: Pick<WorkItem, "id" | "handedOut" | "isHeld" | "signal">;
  readonly item: DeliveryItem;
  readonly content: Content;
  /** Absent: the transport has no `event_action`. */
  readonly events?: AttemptEvents | undefined;
  /** The program that the message goes through; absent: none. */
  readonly filter?: ContentFilter | undefined;
  /** A line for the log, among the report's notes. */
  readonly note?: ((text: string) => void) | undefined;
  /** Called when some have got the message and others go on to another transaction or host. */
  readonly served?: Served | undefined;
}

/** What is known for good of each of the item's recipients, while others are still to be served. */
type Served = (results: readonly (AttemptResult | undefined)[]) => void;

export interface AttemptReport {
  /** In the order of the item's recipients. */
  readonly results: readonly AttemptResult[];
  /** Lines that Exim logs on the way, of themselves: `H=host [address]: SMTP error …`. */
  readonly notes: readonly string[];
  /** Messages that the transport has made. Their ids derive from the item's. */
  readonly publish?: readonly Publication[];
  /** That they were made. */
  readonly events?: readonly MailEvent[];
}
