import type { Attempt } from "./attempt.ts";
import type { CompiledRouter } from "./compiled-router.ts";
import type { Child, Deferred } from "./driver-result.ts";
import { flagValue } from "./flag.ts";
import { RoutedAddress } from "./routed-address.ts";

/**
 * `unseen`: a copy of the address goes on with the next router. Between the address and its parent comes another one of
 * the same name, so that it is done only when both are.
 */
export async function unseenClone(
  attempt: Attempt,
  routers: readonly CompiledRouter[],
): Promise<{ readonly children: readonly Child[] } | Deferred> {
  const { router, address } = attempt;
  const unseen = await flagValue(router.unseen, attempt, "unseen", false);
  if (typeof unseen === "object") return unseen;
  const startsAt = router.index + 1;
  if (!unseen || routers[startsAt] === undefined) return { children: [] };
  const { parent } = address;
  const between = new RoutedAddress(
    address.text,
    "mailbox",
    parent === undefined ? undefined : { parent, inherited: address.inherited },
  );
  between.router = router;
  // Header changes and the return path of this router are those of its own delivery.
  const { errorsTo, headersAdd, headersRemove } = attempt.before;
  const inherited = { ...address.inherited, errorsTo, headersAdd, headersRemove };
  const clone = new RoutedAddress(address.text, "mailbox", { parent: between, inherited, startsAt });
  clone.unique = address.unique;
  address.parent = between;
  address.unique = `${address.unique}/${router.name}`;
  return { children: [{ address: clone }] };
}
