import { randomUUID } from "node:crypto";
import type { Bus } from "@postbus/bus";
import { type FleetMember, ReloadReport, type ReloadRequest, reloadedSubject, reloadSubject } from "@postbus/contracts";
import { Value } from "typebox/value";
import { inTime } from "./bus-deadline.ts";
import { fleetMembers } from "./fleet-members.ts";

/** A policy of 5,000 lines is read in half a second; a busy service may be at something else first. */
const DEADLINE_MS = 7_000;
/** Where nobody is known to have one. */
const UNKNOWN_DEADLINE_MS = 1_000;

export interface ReloadedFleet {
  readonly reports: readonly ReloadReport[];
  /** They have a policy and have said nothing. */
  readonly silent: readonly Pick<FleetMember, "service" | "instance">[];
}

/**
 * Makes every service read its policy again, and waits until all that are known to have one have said what came of it. One
 * that has not announced itself yet is not waited for, but its report counts if it comes in time.
 */
export async function reloadPolicies(
  bus: Pick<Bus, "listen" | "broadcast" | "keyValue">,
  deadlineMs = DEADLINE_MS,
): Promise<ReloadedFleet> {
  const members = await inTime(fleetMembers(bus));
  const silent = new Map(members.filter(hasPolicy).map((member) => [keyOf(member), member]));
  const awaited = new Set([...silent].filter(([, { isLate }]) => !isLate).map(([key]) => key));
  const request: ReloadRequest = { v: 1, id: randomUUID() };
  const reports: ReloadReport[] = [];
  const { promise: complete, resolve } = Promise.withResolvers<void>();
  const subscription = await bus.listen(reloadedSubject, (body) => {
    if (!Value.Check(ReloadReport, body) || body.requestId !== request.id) return;
    reports.push(body);
    silent.delete(keyOf(body));
    awaited.delete(keyOf(body));
    if (awaited.size === 0) resolve();
  });
  const timer = setTimeout(resolve, awaited.size === 0 ? UNKNOWN_DEADLINE_MS : deadlineMs);
  try {
    bus.broadcast(reloadSubject, request);
    await complete;
  } finally {
    clearTimeout(timer);
    await subscription.drain();
  }
  reports.sort((a, b) => a.service.localeCompare(b.service) || a.instance.localeCompare(b.instance));
  return { reports, silent: [...silent.values()].map(({ service, instance }) => ({ service, instance })) };
}

const hasPolicy = ({ policyVersion, state }: FleetMember): boolean =>
  policyVersion !== undefined && state !== "stopping";

const keyOf = ({ service, instance }: { readonly service: string; readonly instance: string }): string =>
  `${service}/${instance}`;
