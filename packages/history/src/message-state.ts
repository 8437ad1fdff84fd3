import type { MailEvent } from "@postbus/contracts";

/**
 * Where a message stands. The first three are in the queue, the others are done with. Of those that the policy has
 * refused or thrown away there is only the record of why.
 */
export const messageStates = [
  "queued",
  "deferred",
  "frozen",
  "delivered",
  "failed",
  "removed",
  "refused",
  "discarded",
] as const;
export type MessageState = (typeof messageStates)[number];

/** A note that begins with this says that an operator removed (part of) the message (Exim's wording, `-Mrm`). */
export const REMOVED = "removed by";

const DELIVERED = 1;
const DEFERRED = 2;
const FAILED = 4;
const FROZEN = 8;
const COMPLETE = 16;
const WAS_REMOVED = 32;
const REFUSED = 64;
const DISCARDED = 128;

/**
 * What an event does to its message's flags: `(flags & ~clear) | set`.
 *
 * Flags and not counters, so that an event may be applied again without harm.
 */
export interface FlagChange {
  readonly set: number;
  readonly clear: number;
}

const NONE: FlagChange = { set: 0, clear: 0 };

export function flagChange(event: MailEvent): FlagChange {
  switch (event.name) {
    case "msg:delivery":
      return { set: DELIVERED, clear: FROZEN };
    case "msg:defer":
      return { set: DEFERRED, clear: FROZEN };
    case "msg:fail:delivery":
      return { set: FAILED, clear: FROZEN };
    case "msg:frozen":
      return { set: FROZEN, clear: 0 };
    case "msg:complete":
      return { set: COMPLETE, clear: 0 };
    case "msg:note":
      // What an operator does to a message ends its being frozen: thaw, deliver now, remove.
      return event.text.startsWith(REMOVED) ? { set: WAS_REMOVED, clear: FROZEN } : { set: 0, clear: FROZEN };
    case "msg:decided":
      if (event.outcome === "accepted") return NONE;
      return { set: event.outcome === "refused" ? REFUSED : DISCARDED, clear: 0 };
    default:
      return NONE;
  }
}

const UNTAKEN = REFUSED | DISCARDED;

/** What is shown to whom asks for no state: strangers who are refused are many, and no messages of anybody's. */
export const listedCondition = { mask: REFUSED, value: 0 } as const;

/** A state as a condition on the flags: `flags & mask = value`. */
const conditions: Readonly<Record<MessageState, { readonly mask: number; readonly value: number }>> = {
  queued: { mask: UNTAKEN | COMPLETE | FROZEN | DEFERRED, value: 0 },
  deferred: { mask: UNTAKEN | COMPLETE | FROZEN | DEFERRED, value: DEFERRED },
  frozen: { mask: UNTAKEN | COMPLETE | FROZEN, value: FROZEN },
  removed: { mask: UNTAKEN | COMPLETE | WAS_REMOVED, value: COMPLETE | WAS_REMOVED },
  failed: { mask: UNTAKEN | COMPLETE | WAS_REMOVED | FAILED, value: COMPLETE | FAILED },
  delivered: { mask: UNTAKEN | COMPLETE | WAS_REMOVED | FAILED, value: COMPLETE },
  refused: { mask: REFUSED, value: REFUSED },
  discarded: { mask: UNTAKEN, value: DISCARDED },
};

export const stateCondition = (state: MessageState): { readonly mask: number; readonly value: number } =>
  conditions[state];

/** The conditions exclude each other and one of them always holds. */
export function stateOf(flags: number): MessageState {
  for (const state of messageStates) {
    const { mask, value } = conditions[state];
    if ((flags & mask) === value) return state;
  }
  return "queued";
}
