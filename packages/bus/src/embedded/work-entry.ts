import type { Content } from "@postbus/contracts";

/**
 * - `waiting`: to be handed out
 * - `working`: in a handler's hands, until the commit of its outcome
 * - `paused`: its handler failed; waits for its next turn
 * - `claimed`: an operator's command is being committed
 * - `gone`: ended; may still stand in a line, which passes over it
 */
export type EntryState = "waiting" | "working" | "paused" | "claimed" | "gone";

/** A ready item that is in memory. */
export class WorkEntry {
  readonly id: string;
  readonly subject: string;
  readonly messageId: string;
  readonly header: unknown;
  /** Undefined: inline content that is still in its table only. */
  content: Content | undefined;
  /** What it costs to keep, octets. */
  readonly weight: number;
  state: EntryState = "waiting";
  handedOut = 0;
  /** Points for every death of the process while it was in work. */
  suspicion = 0;
  failures = 0;

  constructor(
    id: string,
    subject: string,
    messageId: string,
    header: unknown,
    content: Content | undefined,
    weight: number,
  ) {
    this.id = id;
    this.subject = subject;
    this.messageId = messageId;
    this.header = header;
    this.content = content;
    this.weight = weight;
  }
}
