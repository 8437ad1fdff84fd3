import { lowerCase } from "@postbus/policy";
import type { Attempt } from "../attempt.ts";
import type { Child, Deferred } from "../driver-result.ts";
import type { Entry } from "../redirect/redirect-list.ts";
import { type Inherited, RoutedAddress } from "../routed-address.ts";
import { deliverItem, isForbidden } from "./deliver-item.ts";
import type { RedirectOptions } from "./redirect-options.ts";

/** What the entries of a list become addresses with. */
export interface ChildSource {
  readonly attempt: Attempt;
  readonly options: RedirectOptions;
  /** For names without a domain. */
  readonly domain: string | undefined;
  /** A peer has had a part in the list. */
  readonly isTainted: boolean;
  readonly inherited: Inherited;
}

type ItemEntry = Exclude<Entry, { kind: "address" }>;

/** The addresses that a list names, in its order. */
export async function makeChildren(
  entries: readonly Entry[],
  source: ChildSource,
): Promise<readonly Child[] | Deferred> {
  const children: Child[] = [];
  for (const entry of entries) {
    if (entry.kind === "address") {
      children.push({ address: await mailbox(entry, source) });
    } else {
      const child = await itemChild(entry, source);
      if ("kind" in child) return child;
      children.push(child);
    }
  }
  return children;
}

async function mailbox(entry: Extract<Entry, { kind: "address" }>, source: ChildSource): Promise<RoutedAddress> {
  const { attempt, options, inherited } = source;
  const { address, router, run } = attempt;
  const domain = entry.domain || (entry.isOwn ? address.domain : source.domain);
  const written = domain === undefined ? entry.localPart : `${entry.localPart}@${domain}`;
  const text = options.rewrites ? await (run.context.rewrite?.(written) ?? written) : written;
  const isAncestor = options.checksAncestors && isAmongAncestors(text, address);
  const child = new RoutedAddress(isAncestor ? address.text : text, "mailbox", {
    parent: address,
    inherited,
    ...(router.redirectTo === undefined ? {} : { startsAt: router.redirectTo }),
  });
  child.isHidden = options.hidesChildren;
  return child;
}

/** `check_ancestor`: A stands for B, and B would send it back to A. */
function isAmongAncestors(text: string, address: RoutedAddress): boolean {
  for (let one: RoutedAddress | undefined = address; one !== undefined; one = one.parent) {
    const isSame = one.router?.isCaseful === true ? one.text === text : one.lowerText === lowerCase(text);
    if (isSame) return true;
  }
  return false;
}

/** A file, a directory or a pipe: it goes to the transport that is set for its kind. */
async function itemChild(entry: ItemEntry, source: ChildSource): Promise<Child | Deferred> {
  const { attempt, options, inherited, isTainted } = source;
  const address = new RoutedAddress(entry.text, entry.kind, { parent: attempt.address, inherited });
  address.isHidden = options.hidesChildren;
  address.isTainted = isTainted;
  const forbidden = await isForbidden(entry.kind, attempt, options);
  if (typeof forbidden === "object") return forbidden;
  return { address, end: { result: await deliverItem(entry, attempt, options, { isTainted, forbidden }), attempt } };
}
