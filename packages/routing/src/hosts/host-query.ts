import type { Attempt } from "../attempt.ts";
import type { HostQuery } from "./address-records.ts";

/** What a router's generic options say about looking for hosts. */
export function hostQuery(
  { router, run }: Attempt,
  { isIpv4Only = false, prefersIpv4 = false }: { isIpv4Only?: boolean; prefersIpv4?: boolean } = {},
): HostQuery {
  return {
    evaluation: run.evaluation,
    settings: run.settings.dns,
    ignored: router.ignoredHosts,
    isIpv4Only,
    prefersIpv4,
    dnssecRequested: router.dnssecRequested,
    dnssecRequired: router.dnssecRequired,
  };
}

/** Under which name an answer may be remembered; none if what is ignored depends on the address. */
export function memoryKey({ router }: Attempt, ...parts: readonly (string | number | boolean | undefined)[]) {
  const isFixed = [router.ignoredHosts, router.dnssecRequired, router.dnssecRequested].every(
    (list) => list === undefined || !/[$\\]/.test(list.source),
  );
  return isFixed ? [router.index, ...parts].join("\0") : undefined;
}
