import type { BmiVerdict, Surroundings, Variables } from "@postbus/policy";
import type { RoutingMemory } from "./routing-memory.ts";
import type { SrsStore } from "./srs/srs-store.ts";

/**
 * Why an address is routed: to be delivered, to see where it would go (`postbus route`), to verify it as a recipient or
 * as a sender, or for EXPN.
 */
export type RoutingPurpose = "deliver" | "test" | "recipient" | "sender" | "expn";

/** What is wrong in a redirect list (`skip_syntax_errors`). */
export interface SyntaxErrors {
  readonly router: string;
  /** Each `REASON in "ITEM"`. */
  readonly errors: readonly string[];
  /** There was something else in the list. */
  readonly hasOthers: boolean;
  /** `syntax_errors_to` and `syntax_errors_text` */
  readonly to: string | undefined;
  readonly text: string | undefined;
}

/** What routing needs to know and to have, besides the configuration. */
export interface RoutingContext {
  readonly purpose: RoutingPurpose;
  /** `$sender_address`; the empty string is the null reverse-path. */
  readonly returnPath: string;
  /** What expansions and lists need. */
  readonly surroundings: Omit<Surroundings, "variables">;
  /** An operator wants it tried now: `hold_domains` holds nothing up. */
  readonly isForced?: boolean;
  /** It has just come: `queue_domains` holds it up. */
  readonly isFirstAttempt?: boolean;
  /** Variables of message and connection; those of the address come before them. */
  readonly variables?: Variables;
  /** @param address The recipient as it was received. */
  bmiVerdict?(address: string): BmiVerdict | undefined;
  /**
   * Addresses of a host as this machine knows it (`/etc/hosts`), for `byname` and as the last resort of manualroute.
   *
   * @throws {DeferError} nobody can say now.
   */
  systemAddresses?(name: string): Promise<readonly string[]>;
  /** Where `builtin` keeps the senders of forwarded mail; absent: nowhere here. */
  readonly srsStore?: SrsStore;
  /** The same for all recipients of a message; for one address alone it is not needed. */
  readonly memory?: RoutingMemory;
  /**
   * Which variables a delivery by this transport keeps, where that is not all of them; undefined: none.
   *
   * @param transport Undefined: there is none.
   */
  carries?(transport: string | undefined): ((name: string) => boolean) | undefined;
  /** Errors in a list that are skipped. Absent: they are warnings. */
  onSyntaxErrors?(found: SyntaxErrors): void;
  /** For problems that are the operator's but stop nothing: a `condition` that cannot be expanded. */
  warn?(text: string): void;
  /** Told of each rule that rewrites an address of a list; absent: nobody wants to know. */
  readonly rewritten?: ((text: string) => void) | undefined;
  /** Told of each host of a list that has no address; absent: nobody wants to know. */
  readonly hostNotFound?: ((name: string) => void) | undefined;
}

/** Nothing but a look: no mail depends on what comes out of it. */
export function isVerifying({ purpose }: RoutingContext): boolean {
  return purpose === "recipient" || purpose === "sender" || purpose === "expn";
}
