import type { RouteItem } from "@postbus/contracts";
import { ConfigError, DeferError } from "@postbus/mail";
import { type CompiledTransport, MessageVariables, type Policy } from "@postbus/policy";
import { type Routing, RoutingMemory, type RoutingOutcome } from "@postbus/routing";

/** The part of the policy in force that says where mail goes. */
export interface RoutingPolicy
  extends Pick<
    Policy,
    "version" | "primaryHostname" | "qualifyDomain" | "surroundings" | "transport" | "retryRule" | "log" | "events"
  > {
  readonly routing: Pick<Routing, "route">;
}

/** Routes the recipients of one item, one after the other: what is delivered once is not delivered again. */
export class Destinations {
  readonly #policy: RoutingPolicy;
  readonly #item: RouteItem;
  readonly #memory = new RoutingMemory();
  readonly #warn: (text: string) => void;
  readonly #carries = (transport: string | undefined) => variablesFor(transport, this.#policy);

  constructor(policy: RoutingPolicy, item: RouteItem, warn: (text: string) => void) {
    this.#policy = policy;
    this.#item = item;
    this.#warn = warn;
  }

  /**
   * Where one recipient goes. What the policy could not find out in time is a deferral; any other error is a bug, and
   * the bus gives the item back.
   */
  async of(address: string): Promise<readonly RoutingOutcome[]> {
    try {
      const { outcomes } = await this.#policy.routing.route(address, {
        purpose: "deliver",
        returnPath: this.#item.returnPath,
        surroundings: this.#policy.surroundings,
        variables: new MessageVariables(this.#item),
        memory: this.#memory,
        carries: this.#carries,
        warn: this.#warn,
      });
      return outcomes;
    } catch (err) {
      if (err instanceof DeferError) return [deferral(address, err.message)];
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

const deferral = (address: string, text: string): RoutingOutcome => ({
  kind: "defer",
  address,
  parents: [],
  router: undefined,
  text,
  replyText: undefined,
  isTextForClient: false,
  errno: UNKNOWN_ERROR,
  isFrozen: false,
});
