import type { AddressResult } from "./address-result.ts";
import { Attempt } from "./attempt.ts";
import type { CompiledRouter } from "./compiled-router.ts";
import type { Accepted } from "./driver-result.ts";
import type { RoutedAddress } from "./routed-address.ts";
import type { RoutingRun } from "./routing-run.ts";

/** Domains that are remembered of one message; the addresses of others are routed each for itself. */
const MAX_DOMAINS = 1_000;

interface Copied {
  readonly router: CompiledRouter;
  readonly accepted: Accepted;
  readonly errorsTo: string | undefined;
  readonly isHidden: boolean;
}

/**
 * `same_domain_copy_routing` (Exim's manual, "The dnslookup router"): where one address of a domain goes to other hosts, those that
 * are still to be routed go there, too, without being shown to any router.
 *
 * As in Exim, that is so among addresses of equal descent: the recipients themselves, what these have become, and so on; and it
 * is the last of a list that is routed first.
 */
export class SameDomainCopies {
  readonly #byDomain = new Map<string, Copied>();

  /** @param route Shows the address to the routers. */
  async routed(address: RoutedAddress, run: RoutingRun, route: () => Promise<AddressResult>): Promise<AddressResult> {
    // What `unseen` or `redirect_router` sends on begins at a router of its own.
    if (address.kind !== "mailbox" || address.startsAt > 0) return route();
    // Now: `unseen` puts another one between the address and its parent.
    const key = keyOf(address);
    const copied = this.#byDomain.get(key);
    if (copied !== undefined) return copy(copied, address, run);
    const result = await route();
    this.#note(key, address, result);
    return result;
  }

  #note(key: string, address: RoutedAddress, { end }: AddressResult): void {
    if (end.kind !== "accepted" || this.#byDomain.size >= MAX_DOMAINS) return;
    const { accepted, attempt } = end;
    const { errorsTo, headersAdd, headersRemove } = address.inherited;
    if (!attempt.router.copiesToDomain || accepted.isLocal || accepted.transport === undefined) return;
    if (headersAdd.length > 0 || headersRemove.length > 0) return;
    const { isHidden } = address;
    this.#byDomain.set(key, { router: attempt.router, accepted, errorsTo, isHidden });
  }
}

function copy(
  { router, accepted, errorsTo, isHidden }: Copied,
  address: RoutedAddress,
  run: RoutingRun,
): AddressResult {
  const { transport, isLocal, hosts, hostText, fallbackHosts } = accepted;
  address.router = router;
  address.inherited = { ...address.inherited, errorsTo };
  address.isHidden = isHidden;
  const local = { localPart: address.localPart, prefix: undefined, suffix: undefined };
  const attempt = new Attempt(run, router, address, local);
  run.trace.note(address, router, "accepted", "same_domain_copy_routing");
  const same: Accepted = { kind: "accepted", transport, isLocal, hosts, hostText, fallbackHosts };
  return { end: { kind: "accepted", accepted: same, attempt }, children: [] };
}

function keyOf(address: RoutedAddress): string {
  let descent = 0;
  for (const _ of address.ancestors()) descent++;
  return `${descent} ${address.domain}`;
}
