import { ConfigError } from "@postbus/mail";

/** What is wrong with one value; where it stands is known to the caller, who makes a problem of it. */
export class ValueError extends Error {
  override readonly name = "ValueError";
}

/** Everything that is wrong with a policy, so that an operator sees all of it at once. */
export class Problems {
  readonly #lines: string[] = [];

  /** @param where `file:line`. */
  add(where: string, text: string): void {
    this.#lines.push(`${where}: ${text}`);
  }

  /** Runs `read`; a value that is wrong becomes a problem, and undefined. @param subject In front of its text. */
  try<T>(where: string, read: () => T, subject?: string): T | undefined {
    try {
      return read();
    } catch (err) {
      if (!(err instanceof ValueError)) throw err;
      this.add(where, subject === undefined ? err.message : `${subject}: ${err.message}`);
      return undefined;
    }
  }

  /** @throws {ConfigError} with one problem a line, if there is any. */
  throwIfAny(): void {
    if (this.#lines.length > 0) throw new ConfigError(this.#lines.join("\n"));
  }
}
