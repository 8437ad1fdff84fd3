import type { Attempt } from "../attempt.ts";
import { type DriverResult, deferred, errorNumbers } from "../driver-result.ts";
import { shuffled } from "../hosts/address-records.ts";
import type { ListedHost } from "../hosts/host-list-text.ts";
import { hostQuery, memoryKey } from "../hosts/host-query.ts";
import { type LookupWay, listedHost } from "../hosts/listed-hosts.ts";
import type { RoutedHost } from "../hosts/routed-host.ts";
import { selfResult } from "./self.ts";

/** `host_find_failed` and `host_all_ignored`. */
export interface HostTroubles {
  readonly findFailed: string;
  readonly allIgnored: string;
}

export interface HostWords {
  readonly way: LookupWay;
  readonly isRandom: boolean;
  readonly isIpv4Only: boolean;
  readonly prefersIpv4: boolean;
}

/** Finds the addresses of the hosts of a list, in order; a list is as good as its hosts can be found. */
export async function resolveHosts(
  attempt: Attempt,
  list: readonly ListedHost[],
  words: HostWords,
  troubles: HostTroubles,
): Promise<{ readonly hosts: readonly RoutedHost[] } | DriverResult> {
  const { router, run } = attempt;
  const { way, isIpv4Only, prefersIpv4 } = words;
  const query = hostQuery(attempt, words);
  const hosts: RoutedHost[] = [];
  let sendsToSelf = false;
  for (const host of words.isRandom ? inRandomOrder(list, attempt) : list) {
    const key = memoryKey(attempt, host.name, host.port, host.isMx, host.group, way, isIpv4Only, prefersIpv4);
    const answer = await run.memory.hosts(key, async () => {
      const found = await listedHost(host, way, query, run.context);
      const isUnknown = found.kind === "none" && found.why !== "bad name";
      if (isUnknown && way !== "bydns" && !host.isMx) run.context.hostNotFound?.(host.name);
      return found;
    });
    if (answer.kind === "insecure") return deferred(`host lookup for ${host.name} done insecurely`, errorNumbers.dns);
    if (answer.kind === "again") {
      if (router.passesOnTimeout) return { kind: "passed", why: "the DNS does not answer" };
      return deferred(`host lookup for ${host.name} did not complete (DNS timeout?)`, errorNumbers.dns);
    }
    if (answer.kind !== "found") {
      if (troubles.findFailed === "ignore") continue;
      const isBad = answer.kind === "none" && answer.why === "bad name";
      const text = `lookup of host "${host.name}" failed in ${router.name} router`;
      return trouble(troubles.findFailed, `${text}${isBad ? ": syntax error in name" : ""}`);
    }
    if (answer.isLocal && !sendsToSelf) {
      // As in a list of MX hosts: what stands behind this host is no better than it is.
      if (hosts.length > 0) break;
      const [first] = answer.hosts;
      const result = selfResult(attempt, { name: host.name, mx: first?.mx });
      if (result !== undefined) return result;
      sendsToSelf = true;
    }
    hosts.push(...answer.hosts);
  }
  if (hosts.length > 0) return { hosts };
  const how = `host_find_failed=ignore host_all_ignored=${troubles.allIgnored}`;
  return trouble(troubles.allIgnored, `lookup failed for all hosts in ${router.name} router: ${how}`);
}

function trouble(action: string, text: string): DriverResult {
  switch (action) {
    case "pass":
      return { kind: "passed", why: text };
    case "decline":
      return { kind: "declined", why: text };
    case "fail":
      return { kind: "failed", text };
    case "defer":
      return deferred(text, errorNumbers.unknownHost);
    default:
      return { ...deferred(text, errorNumbers.unknownHost), isFrozen: true };
  }
}

/** Within each group; the same for all recipients of a message that have this list. */
function inRandomOrder(list: readonly ListedHost[], { evaluation, run }: Attempt): readonly ListedHost[] {
  const key = list.map(({ name, port, group }) => `${name} ${port} ${group}`).join("\n");
  return run.memory.order(key, () => shuffled(list, evaluation).sort((a, b) => a.group - b.group));
}
