import type { Attempt } from "./attempt.ts";
import type { CompiledRouter } from "./compiled-router.ts";
import type { Child, Deferred } from "./driver-result.ts";
import { flagValue } from "./flag.ts";
import { RoutedAddress } from "./routed-address.ts";

/**
 * `unseen`: a copy of the address goes on with the next router. Between the address and its parent comes another one of
 * the same name, so that it is done only when both are.
 */
export function unseenClone(
  attempt: Attempt,
  routers: readonly CompiledRouter[],
): Clone | Deferred | Promise<Clone | Deferred> {
  const unseen = flagValue(attempt.router.unseen, attempt, "unseen", false);
  if (unseen === false) return NONE;
  return unseen instanceof Promise
    ? unseen.then((later) => cloned(later, attempt, routers))
    : cloned(unseen, attempt, routers);
}

interface Clone {
  readonly children: readonly Child[];
}

const NONE: Clone = { children: [] };

function cloned(unseen: boolean | Deferred, attempt: Attempt, routers: readonly CompiledRouter[]): Clone | Deferred {
  const { router, address } = attempt;
  if (typeof unseen === "object") return unseen;
  // It goes on from here, and so does the copy, for itself.
  if (address.copiedAt?.router === router) return NONE;
  const startsAt = router.index + 1;
  if (!unseen || routers[startsAt] === undefined) return NONE;
  const { parent } = address;
  const between = new RoutedAddress(
    address.text,
    "mailbox",
    parent === undefined ? undefined : { parent, inherited: address.inherited },
  );
  between.router = router;
  // The return path that this router gives is that of its own delivery. Header changes stay there, those that the address has
  // brought along, too: so does Exim, whatever its manual says of those before.
  const { errorsTo, ignoresErrors } = attempt.before;
  const inherited = { ...address.inherited, errorsTo, ignoresErrors, headersAdd: [], headersRemove: [] };
  const clone = new RoutedAddress(address.text, "mailbox", { parent: between, inherited, startsAt });
  clone.unique = address.unique;
  address.parent = between;
  address.copiedAt = { router, inherited: attempt.before };
  address.unique = `${address.unique}/${router.name}`;
  return { children: [{ address: clone }] };
}
