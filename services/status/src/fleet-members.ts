import type { Bus } from "@postbus/bus";
import { FLEET_BEAT_MS, FleetMember, fleetBucket } from "@postbus/contracts";
import { Compile } from "typebox/compile";

/** One beat may be lost on a busy bus; a process that missed two has died or hangs. */
const LATE_AFTER_MS = 2 * FLEET_BEAT_MS;

const memberCheck = Compile(FleetMember);

/** A service that has announced itself. */
export type SeenMember = FleetMember & {
  /** It has not been heard of for two beats. */
  readonly isLate: boolean;
};

/** Who is there, by service and instance. What another version announces may be unknown here; it is left out. */
export async function fleetMembers(bus: Pick<Bus, "keyValue">): Promise<readonly SeenMember[]> {
  const entries = await bus.keyValue(fleetBucket).list();
  const now = Date.now();
  const known = entries.flatMap(({ value }) =>
    memberCheck.Check(value) ? [{ ...value, isLate: now - value.seenAtMs > LATE_AFTER_MS }] : [],
  );
  return known.sort((a, b) => a.service.localeCompare(b.service) || a.instance.localeCompare(b.instance));
}
