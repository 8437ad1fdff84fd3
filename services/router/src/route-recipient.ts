import { DeferError } from "@postbus/mail";
import type { Policy, Route } from "@postbus/policy";

/**
 * Where one recipient goes. What the policy could not find out in time is a deferral; any other error is a bug, and
 * the bus gives the item back.
 */
export function routeRecipient(policy: Pick<Policy, "route">, address: string): Route | Promise<Route> {
  try {
    const route = policy.route(address);
    return route instanceof Promise ? route.catch(deferral) : route;
  } catch (err) {
    return deferral(err);
  }
}

function deferral(err: unknown): Route {
  if (err instanceof DeferError) return { kind: "defer", text: err.message };
  throw err;
}
