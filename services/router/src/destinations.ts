import type { Recipient, RouteItem } from "@postbus/contracts";
import { ConfigError, DeferError } from "@postbus/mail";
import {
  BmiVerdicts,
  type CompiledTransport,
  type MessageContent,
  MessageVariables,
  type Policy,
} from "@postbus/policy";
import {
  type AddressOrigin,
  type Routing,
  type RoutingContext,
  RoutingMemory,
  type RoutingOutcome,
  type SrsStore,
} from "@postbus/routing";
import { FailedLookups } from "./failed-lookups.ts";
import { originOfRecipient } from "./recipient-origin.ts";

/** The part of the policy in force that says where mail goes. */
export interface RoutingPolicy
  extends Pick<
      Policy,
      | "version"
      | "primaryHostname"
      | "qualifyDomain"
      | "smtp"
      | "surroundings"
      | "transport"
      | "retryRule"
      | "reports"
      | "log"
      | "events"
    >,
    Partial<Pick<Policy, "queue">> {
  readonly routing: Pick<Routing, "route"> & Partial<Pick<Routing, "names" | "isLastFirst">>;
}

interface DestinationDeps {
  readonly onSyntaxErrors: NonNullable<RoutingContext["onSyntaxErrors"]>;
  readonly warn: (text: string) => void;
  /** For the log of the message. @param selector It is told only with it. */
  readonly note?: (text: string, selector: "address_rewrite" | "host_lookup_failed") => void;
  /** For `builtin` of SRS; absent: such a router defers. */
  readonly srsStore?: SrsStore | undefined;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Routes the recipients of one item, one after the other: what is delivered once is not delivered again. */
export class Destinations {
  readonly #policy: RoutingPolicy;
  readonly #item: RouteItem;
  readonly #memory = new RoutingMemory();
  readonly #warn: (text: string) => void;
  readonly #note: NonNullable<DestinationDeps["note"]>;
  readonly #onSyntaxErrors: DestinationDeps["onSyntaxErrors"];
  readonly #srsStore: SrsStore | undefined;
  /** Undefined: nobody wants to know. */
  readonly failedLookups: FailedLookups | undefined;
  readonly #carries = (transport: string | undefined) => variablesFor(transport, this.#policy);

  readonly #variables: MessageVariables;
  readonly #bmi: BmiVerdicts | undefined;

  /** @param content If the routers name anything of it. */
  constructor(policy: RoutingPolicy, item: RouteItem, content: MessageContent | undefined, deps: DestinationDeps) {
    this.#policy = policy;
    this.#item = item;
    this.#warn = deps.warn;
    this.#note = deps.note ?? (() => undefined);
    this.#srsStore = deps.srsStore;
    if (policy.events.main !== undefined) this.failedLookups = new FailedLookups();
    this.#onSyntaxErrors = deps.onSyntaxErrors;
    this.#variables = new MessageVariables(item, undefined, undefined, content, deps.now);
    this.#bmi = item.bmiVerdicts && new BmiVerdicts(item.bmiVerdicts);
  }

  #surroundings(address: string): RoutingContext["surroundings"] {
    const { surroundings } = this.#policy;
    const { resolver } = surroundings;
    if (this.failedLookups === undefined || resolver === undefined) return surroundings;
    return { ...surroundings, resolver: this.failedLookups.watching(resolver, address) };
  }

  /**
   * Where one recipient goes. What the policy could not find out in time is a deferral; any other error is a bug, and
   * the bus gives the item back.
   */
  async of({ address, origin }: Recipient): Promise<readonly RoutingOutcome[]> {
    const bmi = this.#bmi;
    const context: RoutingContext = {
      purpose: "deliver",
      returnPath: this.#item.returnPath,
      surroundings: this.#surroundings(address),
      variables: this.#variables,
      memory: this.#memory,
      carries: this.#carries,
      warn: this.#warn,
      rewritten: (text) => this.#note(text, "address_rewrite"),
      hostNotFound: (name) => this.#note(`no IP address found for host ${name}`, "host_lookup_failed"),
      onSyntaxErrors: this.#onSyntaxErrors,
      ...(this.#srsStore === undefined ? {} : { srsStore: this.#srsStore }),
      ...(this.#item.isForced === true ? { isForced: true } : {}),
      ...(this.#item.attempt === 1 ? { isFirstAttempt: true } : {}),
      ...(bmi === undefined ? {} : { bmiVerdict: (recipient) => bmi.of(recipient) }),
    };
    const before = origin === undefined ? undefined : originOfRecipient(origin);
    try {
      return (await this.#policy.routing.route(address, context, before)).outcomes;
    } catch (err) {
      if (err instanceof DeferError) return [deferral(address, err.message, before)];
      throw err;
    }
  }
}

/** What the transport's options may name; what is wrong with the transport is said when the delivery is made. */
function variablesFor(transport: string | undefined, policy: RoutingPolicy): CompiledTransport["variables"] {
  if (transport === undefined) return undefined;
  try {
    return policy.transport(transport).variables;
  } catch (err) {
    if (err instanceof ConfigError) return undefined;
    throw err;
  }
}

/** Exim's number for an error that has none of its own, as in `routing defer (-1)`. */
const UNKNOWN_ERROR = -1;

const deferral = (address: string, text: string, origin: AddressOrigin | undefined): RoutingOutcome => ({
  kind: "defer",
  address,
  parents: origin?.parents ?? [],
  origin,
  router: undefined,
  text,
  replyText: undefined,
  isTextForClient: false,
  errno: UNKNOWN_ERROR,
  isFrozen: false,
});
