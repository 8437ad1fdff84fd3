import type { AttemptResult } from "@postbus/queue";
import { errnos } from "@postbus/smtp";
import type { HostRetries } from "./host-retries.ts";

/** Why hosts were not even tried, counted for the summary. */
export interface SkippedHosts {
  backingOff: number;
  limit: number;
  noAddress: number;
  lookupFailed: number;
}

/** What becomes of recipients when no host could be tried, in Exim's words. */
export function noHosts(
  skipped: Readonly<SkippedHosts>,
  domainName: string,
  transportName: string,
  retries?: Pick<HostRetries, "whySkipped">,
): AttemptResult {
  const { backingOff, limit, noAddress, lookupFailed } = skipped;
  const domain = `'${domainName}'`;
  const deferred = (errno: number, text: string): AttemptResult => ({ outcome: "deferred", errno, text });
  const lookups = noAddress + lookupFailed;
  if (lookups > 0 && backingOff + limit === 0) {
    const how = lookupFailed === 0 ? " permanently" : noAddress === 0 ? " temporarily" : "";
    return deferred(errnos.hostLookup, `all host address lookups for ${domain} failed${how}`);
  }
  if (limit > 0 && backingOff + lookups === 0) {
    return deferred(errnos.retryTime, `connection limit reached for all hosts for ${domain}`);
  }
  if (backingOff > 0 && limit + lookups === 0) {
    const known = retries?.whySkipped(domain, backingOff);
    return known ?? deferred(errnos.retryTime, `retry time not reached for any host for ${domain}`);
  }
  if (backingOff + limit + lookups === 0) {
    return deferred(errnos.hostLookup, `${transportName} transport has empty hosts setting`);
  }
  return deferred(
    errnos.retryTime,
    `some host address lookups failed and retry time not reached for other hosts or connection limit reached for ${domain}`,
  );
}
