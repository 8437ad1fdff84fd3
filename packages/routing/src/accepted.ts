import { type Expansion, textOf } from "@postbus/policy";
import { findAccount, findGroup } from "./accounts.ts";
import type { Attempt } from "./attempt.ts";
import type { ChosenTransport } from "./chosen-transport.ts";
import { type Accepted, type Deferred, deferred } from "./driver-result.ts";
import type { RoutedHost } from "./hosts/routed-host.ts";

/** Gives the address to a transport, with the user and the other things that its router says about delivering. */
export function accepted(
  attempt: Attempt,
  transport: ChosenTransport | undefined,
  hosts?: readonly RoutedHost[],
  hostText?: string,
): Accepted | Promise<Accepted | Deferred> {
  const usesOwnHosts = transport?.overridesHosts === true;
  const base = {
    kind: "accepted",
    transport: transport?.name,
    hosts: usesOwnHosts ? undefined : hosts,
    hostText,
  } as const;
  const { fallbackHosts, user, group } = attempt.router;
  if (transport?.isLocal !== true) {
    if (fallbackHosts === undefined) return { ...base, isLocal: false, fallbackHosts };
    return fallback(attempt).then((found) =>
      typeof found === "object" ? found : { ...base, isLocal: false, fallbackHosts: found },
    );
  }
  if (user === undefined && group === undefined) return { ...base, isLocal: true, ...accountOwner(attempt) };
  return deliveryOwner(attempt).then((owner) => ("kind" in owner ? owner : { ...base, isLocal: true, ...owner }));
}

async function fallback(attempt: Attempt): Promise<string | undefined | Deferred> {
  const { fallbackHosts, name } = attempt.router;
  if (fallbackHosts === undefined) return undefined;
  const expanded = await attempt.expand(fallbackHosts);
  if (expanded.kind === "value") return textOf(expanded.value) || undefined;
  if (expanded.kind === "forced") return undefined;
  return deferred(`${name} router: failed to expand "${fallbackHosts.source}": ${expanded.text}`);
}

export interface DeliveryOwner {
  readonly user: string | undefined;
  readonly group: string | undefined;
}

/**
 * `user` and `group` of the router, else of the account that `check_local_user` has found. A name that comes out of an
 * expansion has to exist on this machine, as in Exim; one that the configuration names outright may exist where mail is
 * delivered.
 */
export async function deliveryOwner(attempt: Attempt): Promise<DeliveryOwner | Deferred> {
  const { router } = attempt;
  const user = await ownerName(attempt, router.user, "user");
  if (typeof user === "object") return user;
  const group = await ownerName(attempt, router.group, "group");
  if (typeof group === "object") return group;
  const ofAccount = accountOwner(attempt);
  return { user: user ?? ofAccount.user, group: group ?? ofAccount.group };
}

const accountOwner = ({ account }: Attempt): DeliveryOwner => ({
  user: account?.name,
  group: account === undefined ? undefined : String(account.gid),
});

async function ownerName(
  attempt: Attempt,
  expansion: Expansion | undefined,
  noun: "user" | "group",
): Promise<string | undefined | Deferred> {
  if (expansion === undefined) return undefined;
  const { source } = expansion;
  const expanded = await attempt.expand(expansion);
  if (expanded.kind === "value") {
    const name = textOf(expanded.value);
    if (!source.includes("$") || /^\d+$/.test(name)) return name;
    const found = noun === "user" ? await findAccount(name, attempt.evaluation) : await findGroup(name);
    if (found !== undefined) return name;
    const what = `Failed to find ${noun} "${name}" from expanded string "${source}"`;
    return deferred(`${what} for the ${attempt.router.name} router`);
  }
  return deferred(
    `Failed to expand ${noun} string "${source}" for the ${attempt.router.name} router: ${expanded.text}`,
  );
}
