import { MESSAGE_QUERIES } from "@postbus/contracts";

/** DNS queries that may still be made about one message, whatever check wants them. */
export class QueryBudget {
  #spent = 0;
  readonly #max: number;

  /** @param spent By other questions about this message. @param max For this one, if that is less than what is left. */
  constructor(spent = 0, max = MESSAGE_QUERIES) {
    this.#max = Math.max(0, Math.min(max, MESSAGE_QUERIES - spent));
  }

  /** What was taken here. */
  get spent(): number {
    return this.#spent;
  }

  /** @returns whether there was one left. */
  take(): boolean {
    if (this.#spent >= this.#max) return false;
    this.#spent += 1;
    return true;
  }
}
