import type { AclSession } from "../acl/session.ts";
import { Tainted, type Value } from "../expansion/value.ts";

/** As many as there are numbered variables in Exim. */
const MAX_VALUES = 20;

/** What a client has said of itself in this AUTH command: `$auth1`, `$auth2`, `$auth3`, and `$1` and so on. */
export class AuthValues {
  readonly #session: AclSession;
  readonly #values: Value[] = [];

  /** Those of the command before are forgotten. */
  constructor(session: AclSession) {
    this.#session = session;
    this.#show();
  }

  get count(): number {
    return this.#values.length;
  }

  get isFull(): boolean {
    return this.#values.length >= MAX_VALUES;
  }

  /** Strings with NULs between them, at least one: from the peer, so tainted. */
  addAll(octets: string): void {
    const pieces = octets.split("\0");
    // A NUL at the end ends the last one.
    if (pieces.length > 1 && pieces.at(-1) === "") pieces.pop();
    for (const piece of pieces) this.#values.push(new Tainted(piece));
    this.#values.length = Math.min(this.#values.length, MAX_VALUES);
    this.#show();
  }

  add(value: Value): void {
    if (!this.isFull) this.#values.push(value);
    this.#show();
  }

  #show(): void {
    this.#session.connection.authValues = this.#values;
    this.#session.evaluation.captures = ["", ...this.#values];
  }
}
