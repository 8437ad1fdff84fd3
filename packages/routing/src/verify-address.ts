import { hasDomain } from "@postbus/mail";
import type { Value } from "@postbus/policy";
import type { AddressResult } from "./address-result.ts";
import type { CompiledRouter } from "./compiled-router.ts";
import { outcomeOf } from "./outcome-of.ts";
import { routeAddress } from "./route-address.ts";
import { RoutedAddress } from "./routed-address.ts";
import type { Delivery } from "./routing-result.ts";
import type { RoutingRun } from "./routing-run.ts";
import type { TraceStep } from "./trace.ts";

/** What `verify = recipient` and `verify = sender` ask. */
export interface VerifyRequest {
  readonly kind: "recipient" | "sender";
  readonly address: string;
  /** `success_on_redirect`: an address that becomes another one is good, whatever that is. */
  readonly isGoodWhenRedirected: boolean;
}

/** What routing says of an address. The fields are those that an ACL wants to know. */
export interface Verification {
  readonly result: "good" | "bad" | "unknown";
  /** For the client: `Unrouteable address`, the text behind `:fail:`. */
  readonly text?: string;
  readonly log?: string;
  /** The text may be shown although the refusal is temporary. */
  readonly isTextForClient?: boolean;
  /** `$recipient_verify_failure`, `$sender_verify_failure`. */
  readonly failure?: "qualify" | "route";
  /** `$address_data` of the address that decided. */
  readonly addressData?: Value;
  /** Where mail for it would go, for a callout. */
  readonly deliveries: readonly Delivery[];
  readonly trace: readonly TraceStep[];
}

/**
 * Routes the address as far as it takes to know that it is good: one that becomes several others, a file or a pipe is, and
 * one that becomes a single other one is as good as that (Exim's manual, "Redirection while verifying").
 */
export async function verifyAddress(
  { address: text, isGoodWhenRedirected }: VerifyRequest,
  routers: readonly CompiledRouter[],
  run: RoutingRun,
): Promise<Verification> {
  if (!hasDomain(text)) return { result: "bad", failure: "qualify", deliveries: [], trace: [] };
  const deliveries: Delivery[] = [];
  let address = new RoutedAddress(text);
  // Each step has one more ancestor, of which there may be only so many.
  for (;;) {
    const { end, children } = await routeAddress(address, routers, run);
    const { addressData } = address.inherited;
    const common = { deliveries, trace: run.trace.steps, ...(addressData === undefined ? {} : { addressData }) };
    if (end.kind === "failed" || end.kind === "deferred") return { ...common, ...refusal(address, end) };
    if (end.kind === "accepted") {
      const outcome = outcomeOf(address, end, run);
      if (outcome.kind === "deliver") deliveries.push(outcome);
    }
    const [child, ...others] = children;
    if (child === undefined || others.length > 0 || child.end !== undefined || isGoodWhenRedirected) {
      return { ...common, result: "good" };
    }
    address = child.address;
  }
}

function refusal(
  { replyText, isTextForClient }: RoutedAddress,
  end: Extract<AddressResult["end"], { kind: "failed" | "deferred" }>,
): Pick<Verification, "result" | "text" | "log" | "isTextForClient" | "failure"> {
  const log = end.kind === "failed" ? end.text : end.deferred.text;
  return {
    result: end.kind === "failed" ? "bad" : "unknown",
    text: replyText ?? log,
    log,
    isTextForClient,
    failure: "route",
  };
}
