import type { Eventual } from "../expansion/code.ts";
import type { Value } from "../expansion/value.ts";

/** What others find out about a message, on demand. */
export const factNames = ["spf", "spf_guess", "dkim", "dmarc", "arc"] as const;
export type FactName = (typeof factNames)[number];

/** An answer: a word for the condition, and the variables that come with it. */
export interface Fact {
  /**
   * SPF, DMARC, ARC: the status. DKIM: that of the signature of which the ACL is asked.
   */
  readonly result: string;
  readonly variables: Readonly<Record<string, Value | number | boolean>>;
  /**
   * Of DMARC and ARC: what stands of it in `${authresults}`, without the blanks before it: `arc=none`. Whoever answers has
   * made it fit for a header field (RFC 8601 §2.2).
   */
  readonly authenticationResult?: string;
}

/**
 * Who can be asked. What is absent is not set up: conditions that need it are a problem at load, and defer when they are
 * reached all the same. Each is asked once for a message.
 *
 * @throws {DeferError} the answer does not come in time.
 */
export type Facts = {
  readonly [Name in FactName]?: (argument: string) => Eventual<Fact>;
};
