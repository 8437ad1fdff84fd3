/** Exim's `SMTP_HBUFF_SIZE`. */
const MAX_COMMANDS = 20;

const VERBS = "AUTH DATA BDAT EHLO ETRN EXPN HELO HELP MAIL NOOP QUIT RCPT RSET STARTTLS VRFY".split(" ");
/** One character for each verb: a connection keeps no more than a short string. */
const LETTERS: ReadonlyMap<string, string> = new Map(VERBS.map((verb, i) => [verb, String.fromCharCode(0x41 + i)]));

/** The last commands of a session, by their verbs: Exim's `$smtp_command_history`. Unknown ones are none. */
export class CommandHistory {
  #letters = "";

  add(verb: string): void {
    const letter = LETTERS.get(verb);
    if (letter === undefined) return;
    this.#letters = (this.#letters.length < MAX_COMMANDS ? this.#letters : this.#letters.slice(1)) + letter;
  }

  /** Comma-separated, the latest at the end. */
  toString(): string {
    return Array.from(this.#letters, (letter) => VERBS[letter.charCodeAt(0) - 0x41]).join(",");
  }
}
