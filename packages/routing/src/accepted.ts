import { type Expansion, textOf } from "@postbus/policy";
import { findAccount, findGroup } from "./accounts.ts";
import type { Attempt } from "./attempt.ts";
import type { ChosenTransport } from "./chosen-transport.ts";
import { type Accepted, type Deferred, deferred, errorNumbers, type TransportDirectories } from "./driver-result.ts";
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
  const { fallbackHosts, user, group, transportHome, transportDirectory } = attempt.router;
  if (transport?.isLocal !== true) {
    if (fallbackHosts === undefined) return { ...base, isLocal: false, fallbackHosts };
    return fallback(attempt).then((found) =>
      typeof found === "object" ? found : { ...base, isLocal: false, fallbackHosts: found },
    );
  }
  if ((user ?? group ?? transportHome ?? transportDirectory) === undefined) {
    return { ...base, isLocal: true, ...accountOwner(attempt) };
  }
  return deliveryOwner(attempt).then(async (owner) => {
    if ("kind" in owner) return owner;
    const directories = await transportDirectories(attempt);
    return "kind" in directories ? directories : { ...base, isLocal: true, ...owner, directories };
  });
}

async function fallback(attempt: Attempt): Promise<string | undefined | Deferred> {
  const { fallbackHosts, name } = attempt.router;
  if (fallbackHosts === undefined) return undefined;
  const expanded = await attempt.expand(fallbackHosts);
  if (expanded.kind === "value") return textOf(expanded.value) || undefined;
  if (expanded.kind === "forced") return undefined;
  return deferred(`${name} router: failed to expand "${fallbackHosts.source}": ${expanded.text}`);
}

/** For the one, `$home` has no value; for the other, it is that. */
async function transportDirectories(attempt: Attempt): Promise<TransportDirectories | Deferred> {
  const { transportHome, transportDirectory } = attempt.router;
  const routerHome = attempt.home;
  try {
    if (transportHome !== undefined) attempt.home = undefined;
    const home = await directoryText(attempt, transportHome, "home directory");
    if (typeof home === "object") return home;
    attempt.home = home ?? routerHome;
    const current = await directoryText(attempt, transportDirectory, "current directory");
    return typeof current === "object" ? current : { home, current };
  } finally {
    attempt.home = routerHome;
  }
}

async function directoryText(
  attempt: Attempt,
  expansion: Expansion | undefined,
  noun: string,
): Promise<string | undefined | Deferred> {
  if (expansion === undefined) return undefined;
  const expanded = await attempt.expand(expansion);
  if (expanded.kind === "value") return textOf(expanded.value);
  const text = `${noun} "${expansion.source}" failed to expand in ${attempt.router.name} router: ${expanded.text}`;
  return deferred(text, errorNumbers.expansion);
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
