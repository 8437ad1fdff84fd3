import type { SecureContext } from "node:tls";
import type { TicketKey } from "./ticket-key.ts";

/** Keys in use at one time: the present one, and those before it whose sessions may still be resumed. */
const MAX_KEYS = 4;

/**
 * The same context once for each key of tickets: Node.js knows one key for a context, which is for what it seals and for
 * what it opens. So whoever comes with a ticket of an older key gets the context of that.
 */
export class TicketContexts {
  readonly #make: (key: TicketKey) => SecureContext;
  readonly #made = new Map<string, SecureContext>();

  constructor(make: (key: TicketKey) => SecureContext) {
    this.#make = make;
  }

  with(key: TicketKey): SecureContext {
    const id = key.octets.toString("latin1");
    const made = this.#made.get(id) ?? this.#make(key);
    // The one that has not been wanted for the longest time goes first.
    this.#made.delete(id);
    this.#made.set(id, made);
    for (const oldest of this.#made.keys()) {
      if (this.#made.size <= MAX_KEYS) break;
      this.#made.delete(oldest);
    }
    return made;
  }
}
