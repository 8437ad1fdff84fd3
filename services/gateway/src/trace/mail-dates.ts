import { mailDate } from "@postbus/mail";

/** RFC 5322 §3.3 date-time, in UTC. Messages of the same second share its text: making one takes longer than a command. */
export class MailDates {
  #second = Number.NaN;
  #text = "";

  /** @param atMs Milliseconds since the epoch. */
  at(atMs: number): string {
    const second = Math.floor(atMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#text = mailDate(atMs);
    }
    return this.#text;
  }
}
