import type { DeliveryItem, Suspension } from "@postbus/contracts";
import { domainOf } from "@postbus/mail";
import type { AttemptResult, HostsStand, Suspensions } from "@postbus/queue";
import type { AttemptReport } from "./attempt.ts";
import type { ReturnedHosts } from "./returned-hosts.ts";

export interface SuspendedDeps {
  readonly suspensions: Suspensions;
  readonly returned: ReturnedHosts;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Exim's number for a domain that is held. */
const HELD = -23;
/** What is suspended is looked at again after so long, if nobody ends the suspension before. */
const LOOK_MS = 15 * 60_000;

/** Mail for a suspended domain: deferred without an attempt, so that no retry rule ends it. */
export class Suspended {
  readonly #deps: SuspendedDeps;

  constructor(deps: SuspendedDeps) {
    this.#deps = deps;
  }

  /** @returns for each recipient, its deferral if its domain is suspended; undefined: none is. */
  of({ recipients }: DeliveryItem): readonly (AttemptResult | undefined)[] | undefined {
    const found = recipients.map(({ address }) => this.#resultFor(domainOf(address)));
    return found.some((result) => result !== undefined) ? found : undefined;
  }

  /** What retry records would say of something that is suspended. */
  stand(suspension: Suspension, domain: string): HostsStand {
    const { suspensions: _, returned, now } = this.#deps;
    const { target, sinceMs, untilMs = Number.POSITIVE_INFINITY } = suspension;
    const nowMs = now();
    const spreadMs = returned.skipped(suspendedName(target), domain, sinceMs);
    const nextTryAtMs = Math.min(nowMs + LOOK_MS, untilMs);
    return { nextTryAtMs, gapMs: Math.max(LOOK_MS, 2 * spreadMs), areAllSkipped: true, haveTimedOut: false };
  }

  #resultFor(domain: string): AttemptResult | undefined {
    const suspension = this.#deps.suspensions.of(domain);
    if (suspension === undefined) return undefined;
    const hosts = this.stand(suspension, domain);
    return { outcome: "deferred", errno: HELD, text: suspendedText(suspension), suspended: suspension.target, hosts };
  }
}

export const suspendedText = ({ target, reason }: Suspension): string =>
  `delivery to ${target} is suspended${reason === "" ? "" : `: ${reason}`}`;

/** As `ReturnedHosts` knows it: what waits for the end of a suspension is released as what waits for a host. */
export const suspendedName = (target: string): string => `S:${target}`;

/** The item with those recipients only that are to be tried now. */
export function withoutSuspended(item: DeliveryItem, held: readonly (AttemptResult | undefined)[]): DeliveryItem {
  const isFree = (_: unknown, i: number): boolean => held[i] === undefined;
  const { addressVariables, recipients } = item;
  const rest = { ...item, recipients: recipients.filter(isFree) };
  if (addressVariables !== undefined) rest.addressVariables = addressVariables.filter(isFree);
  return rest;
}

/** The results of the others between those of the suspended ones. */
export function withSuspended(report: AttemptReport, held: readonly (AttemptResult | undefined)[]): AttemptReport {
  const others = report.results.values();
  const none: AttemptResult = { outcome: "deferred", errno: 0, text: "no result" };
  return { ...report, results: held.map((result) => result ?? others.next().value ?? none) };
}
