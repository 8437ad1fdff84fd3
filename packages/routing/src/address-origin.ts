import type { CompiledRouter } from "./compiled-router.ts";
import { type AddressKind, type Inherited, RoutedAddress } from "./routed-address.ts";

/** What has to be kept of an address that others were made into, so that it can go on at another time as if it had just been made. */
export interface AddressOrigin {
  /** The addresses it was made of, the nearest first. */
  readonly parents: readonly string[];
  /** Of each of these, name of the router that took it; empty: none did. */
  readonly routers: readonly string[];
  /** Name of the router at which it begins; undefined: the first. */
  readonly startsAt: string | undefined;
  /** What it is known by when deliveries are compared, where that does not follow from the rest. */
  readonly unique: string | undefined;
  /** It is an item of a redirect list. */
  readonly item: { readonly kind: Exclude<AddressKind, "mailbox">; readonly isTainted: boolean } | undefined;
  readonly inherited: Inherited;
  readonly isHidden: boolean;
}

/** More cannot be: an address with more is in a loop. */
const MAX_PARENTS = 101;

/** Undefined: the address is the one that it began with. Siblings that have inherited the same get the same object. */
export function originOf(address: RoutedAddress, routers: readonly CompiledRouter[]): AddressOrigin | undefined {
  const { parent } = address;
  if (parent === undefined) return undefined;
  const known = parent.originOfChildren;
  const origin = madeOrigin(address, parent, routers, known?.parents);
  if (known !== undefined && isSame(known, origin)) return known;
  parent.originOfChildren ??= origin;
  return origin;
}

function madeOrigin(
  address: RoutedAddress,
  parent: RoutedAddress,
  routers: readonly CompiledRouter[],
  parents: readonly string[] | undefined,
): AddressOrigin {
  const { copiedAt, kind } = address;
  const ancestors = [...address.ancestors()];
  if (ancestors.length > MAX_PARENTS) ancestors.splice(MAX_PARENTS - 1, ancestors.length - MAX_PARENTS);
  const startsAt = copiedAt?.router.name ?? (address.startsAt === 0 ? undefined : routers[address.startsAt]?.name);
  return {
    parents: parents ?? ancestors.map(({ text }) => text),
    // Of a copy's original, the router has to be come by again.
    routers: ancestors.map(({ router }, i) => (copiedAt !== undefined && i === 0 ? "" : (router?.name ?? ""))),
    startsAt,
    unique: address.unique === uniqueOf(address, parent) ? undefined : address.unique,
    item: kind === "mailbox" ? undefined : { kind, isTainted: address.isTainted },
    inherited: copiedAt?.inherited ?? address.born,
    isHidden: address.isHiddenAtAll,
  };
}

const uniqueOf = ({ text, kind }: RoutedAddress, parent: RoutedAddress): string =>
  new RoutedAddress(text, kind, { parent, inherited: parent.inherited }).unique;

function isSame(one: AddressOrigin, other: AddressOrigin): boolean {
  return (
    one.startsAt === other.startsAt &&
    one.unique === other.unique &&
    one.item === other.item &&
    one.inherited === other.inherited &&
    one.isHidden === other.isHidden &&
    one.routers.every((name, i) => name === other.routers[i])
  );
}

/** The address with its ancestors, as it was. Of routers that are not there any more, nothing is known. */
export function addressFrom(
  text: string,
  origin: AddressOrigin,
  routers: readonly CompiledRouter[],
): { readonly address: RoutedAddress; readonly isCopied: boolean } {
  const named = (name: string | undefined) => routers.find((router) => router.name === name);
  let parent: RoutedAddress | undefined;
  for (const [i, ancestor] of [...origin.parents.entries()].toReversed()) {
    const inherited = origin.inherited;
    parent = new RoutedAddress(ancestor, "mailbox", parent === undefined ? undefined : { parent, inherited });
    parent.router = named(origin.routers[i]);
  }
  if (parent !== undefined) parent.inherited = origin.inherited;
  const { item, inherited, startsAt, unique, isHidden } = origin;
  const start = named(startsAt)?.index;
  const kind = item?.kind ?? "mailbox";
  const address =
    parent === undefined
      ? new RoutedAddress(text, kind)
      : new RoutedAddress(text, kind, { parent, inherited, ...(start === undefined ? {} : { startsAt: start }) });
  address.isHidden = isHidden;
  address.isTainted = item?.isTainted === true;
  if (unique !== undefined) address.unique = unique;
  return { address, isCopied: startsAt !== undefined && address.unique === `${address.name}/${startsAt}` };
}
