import { setImmediate } from "node:timers/promises";
import { hasDomain } from "@postbus/mail";
import { type AddressOrigin, addressFrom } from "./address-origin.ts";
import type { AddressResult } from "./address-result.ts";
import type { CompiledRouter } from "./compiled-router.ts";
import type { Child } from "./driver-result.ts";
import { deferred } from "./driver-result.ts";
import { itemAgain } from "./item-again.ts";
import { markDuplicates } from "./mark-duplicates.ts";
import { outcomeOf } from "./outcome-of.ts";
import { rewrittenAddress } from "./rewritten-address.ts";
import { routeAddress } from "./route-address.ts";
import { RoutedAddress } from "./routed-address.ts";
import type { RoutingContext } from "./routing-context.ts";
import type { RoutingOutcome, RoutingResult } from "./routing-result.ts";
import { RoutingRun } from "./routing-run.ts";
import type { RoutingSettings } from "./routing-settings.ts";
import { type Verification, type VerifyRequest, verifyAddress } from "./verify-address.ts";

/** Addresses that one recipient may become; as many as one list may have. */
const MAX_ADDRESSES = 65_536;
/** Addresses that are found to have no end, before all is given up. */
const MAX_LOOPS = 100;
/** Some milliseconds' worth; then others have their turn. */
const ADDRESSES_PER_TURN = 50;

/** The routers of a configuration, in the order in which an address meets them. Immutable. */
export class Routing {
  readonly #routers: readonly CompiledRouter[];
  readonly #settings: RoutingSettings;

  /**
   * Of addresses that are routed for one message the last is to be the first, as in Exim: one may be sent where another goes
   * (`same_domain_copy_routing`).
   */
  readonly isLastFirst: boolean;
  /** Which variables the routers may name. */
  readonly names: (name: string) => boolean;

  constructor(
    routers: readonly CompiledRouter[],
    settings: RoutingSettings,
    names: (name: string) => boolean = () => false,
  ) {
    this.names = names;
    this.#routers = routers;
    this.isLastFirst = routers.some(({ copiesToDomain }) => copiesToDomain);
    this.#settings = settings;
  }

  /**
   * Where a recipient goes, and all that is made of it. What cannot be said now, or only when the operator has repaired
   * something, is a deferral among the outcomes.
   *
   * @param address With or without a domain; octets.
   * @param origin Of an address that others were made into before.
   */
  async route(address: string, context: RoutingContext, origin?: AddressOrigin): Promise<RoutingResult> {
    const run = this.#run(context);
    const first = await this.#first(address, origin, run);
    const isRewritten = origin === undefined && first.address.text !== this.#qualified(address, run);
    const rewritten = isRewritten ? { rewrittenAs: first.address.text } : {};
    const { address: top } = first;
    const copies = this.isLastFirst && context.purpose === "deliver" ? run.memory.copies : undefined;
    const waiting: Child[] = [first];
    const outcomes: RoutingOutcome[] = [];
    let count = 0;
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (++count > MAX_ADDRESSES || run.loops > MAX_LOOPS) {
        // Something is wrong with the routers. All of it waits, or what was not looked at would be lost.
        const problem = outcomeOf(top, { kind: "deferred", router: undefined, deferred: TOO_MANY }, run);
        return { outcomes: [problem], trace: run.trace.steps, ...rewritten };
      }
      if (count % ADDRESSES_PER_TURN === 0) await setImmediate();
      const { address: one, end } = next;
      let result: AddressResult;
      if (end !== undefined) result = endOf(end);
      else if (copies === undefined) result = await routeAddress(one, this.#routers, run);
      else result = await copies.routed(one, run, () => routeAddress(one, this.#routers, run));
      if (result.end.kind !== "replaced") outcomes.push(outcomeOf(one, result.end, run));
      // The first of them is to be routed next.
      for (const child of copies === undefined ? result.children.toReversed() : result.children) waiting.push(child);
    }
    if (copies !== undefined) outcomes.reverse();
    return { outcomes: markDuplicates(outcomes, run.memory), trace: run.trace.steps, ...rewritten };
  }

  /** Whether an address would be accepted; nothing is delivered. */
  verify(request: VerifyRequest, context: Omit<RoutingContext, "purpose">): Promise<Verification> {
    // A report to the sender would have the null reverse-path.
    const returnPath = request.kind === "sender" ? "" : context.returnPath;
    const run = this.#run({ ...context, purpose: request.kind, returnPath });
    return verifyAddress(request, this.#routers, run);
  }

  async #first(text: string, origin: AddressOrigin | undefined, run: RoutingRun): Promise<Child> {
    if (origin === undefined) {
      const qualified = this.#qualified(text, run);
      // In other cases it has been rewritten when it came.
      const given = run.context.purpose === "test" ? await rewrittenAddress(qualified, run) : qualified;
      return { address: new RoutedAddress(given) };
    }
    const { address, isCopied } = addressFrom(text, origin, this.#routers);
    const router = this.#routers[address.startsAt];
    if (isCopied && router !== undefined) address.copiedAt = { router, inherited: origin.inherited };
    return address.kind === "mailbox" ? { address } : itemAgain(address, run);
  }

  #run(context: RoutingContext): RoutingRun {
    return new RoutingRun(this.#routers, this.#settings, context, async (address) => {
      const run = this.#run({ ...context, purpose: "recipient", returnPath: "" });
      const qualified = this.#qualified(address, run);
      const request = { kind: "recipient", address: qualified, isGoodWhenRedirected: false } as const;
      const { result } = await verifyAddress(request, this.#routers, run);
      return result === "good" ? qualified : undefined;
    });
  }

  #qualified(address: string, run: RoutingRun): string {
    return hasDomain(address) ? address : `${address}@${run.qualifyRecipient}`;
  }
}

/** Of a file or a pipe: it has been decided when the list was read. */
function endOf({ result, attempt }: Exclude<Child["end"], undefined>): AddressResult {
  const router = attempt?.router.name;
  if (attempt === undefined) return { end: { kind: "deferred", router, deferred: result }, children: [] };
  switch (result.kind) {
    case "accepted":
      return { end: { kind: "accepted", accepted: result, attempt }, children: [] };
    case "failed":
      return { end: { kind: "failed", router, text: result.text }, children: [] };
    case "deferred":
      return { end: { kind: "deferred", router, deferred: result }, children: [] };
    default:
      throw new Error(`unhandled end: ${JSON.stringify(result satisfies never)}`);
  }
}

const TOO_MANY = deferred(`more than ${MAX_ADDRESSES} addresses`);
