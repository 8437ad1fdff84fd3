import { isThisHost } from "@postbus/mail";
import { type Evaluation, sameAddress } from "@postbus/policy";
import type { HostSettings } from "../routing-settings.ts";
import { isListed } from "./address-records.ts";
import type { RoutedHost } from "./routed-host.ts";

/** What is left of a list of hosts when this one has been looked for in it. */
export interface WithoutLocalHost {
  readonly hosts: readonly RoutedHost[];
  /** This host is first: there is nowhere to go. */
  readonly isFirst: boolean;
  /** It was taken out, with all of the same preference and behind. */
  readonly isRemoved: boolean;
}

/**
 * Looks for this host in a list that is ordered by preference: mail must not go back to a host that is no nearer to its
 * end than this one (RFC 5321 §5.1).
 */
export async function withoutLocalHost(
  hosts: readonly RoutedHost[],
  settings: HostSettings,
  evaluation: Evaluation,
): Promise<WithoutLocalHost> {
  let firstOfPreference = 0;
  for (const [i, host] of hosts.entries()) {
    if (host.mx !== hosts[firstOfPreference]?.mx) firstOfPreference = i;
    if (!(await isLocalHost(host, settings, evaluation))) continue;
    if (firstOfPreference === 0) return { hosts, isFirst: true, isRemoved: false };
    return { hosts: hosts.slice(0, firstOfPreference), isFirst: false, isRemoved: true };
  }
  return { hosts, isFirst: false, isRemoved: false };
}

/** By its name (`hosts_treat_as_local`), or by an address of ours. */
export async function isLocalHost(
  { name, address }: RoutedHost,
  { localHosts, localAddresses }: HostSettings,
  evaluation: Evaluation,
): Promise<boolean> {
  if (await isListed(localHosts, name, evaluation)) return true;
  if (address === undefined) return false;
  const ours = [...localAddresses, ...evaluation.around.settings.localAddresses];
  return isThisHost(address) || ours.some((own) => sameAddress(own, address));
}
