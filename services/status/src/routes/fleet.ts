import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { Bus } from "@postbus/bus";
import { FLEET_BEAT_MS, FleetMember, fleetBucket } from "@postbus/contracts";
import type { ServiceName } from "@postbus/service-kit";
import { Type } from "typebox";
import { Compile } from "typebox/compile";
import { inTime } from "../bus-deadline.ts";
import { problems } from "../problem.ts";

/** What a fleet needs at least one instance of, in the order in which mail passes; a record, so that none is forgotten. */
const needed: Readonly<Record<ServiceName, true>> = {
  gateway: true,
  verifier: true,
  scanner: true,
  router: true,
  delivery: true,
  logger: true,
  status: true,
};

/** One beat may be lost on a busy bus; a process that missed two has died or hangs. */
const LATE_AFTER_MS = 2 * FLEET_BEAT_MS;

const memberCheck = Compile(FleetMember);

/** Who is there: services announce themselves, their entries expire when they stop doing so. */
export const fleet: FastifyPluginAsyncTypebox<{ readonly bus: Bus }> = async (app, { bus }) => {
  const members = bus.keyValue(fleetBucket);
  app.get(
    "/v1/fleet",
    {
      schema: {
        summary: "The services that run, those that do not, and the bus",
        response: {
          200: Type.Object({
            bus: Type.Object({ ok: Type.Boolean(), text: Type.String() }),
            members: Type.Array(
              Type.Object({
                ...FleetMember.properties,
                isLate: Type.Boolean({ description: "It has not been heard of for two beats: dead, or it hangs" }),
              }),
            ),
            missing: Type.Array(Type.String(), { description: "Services of which no instance is announced" }),
          }),
          ...problems,
        },
      },
    },
    async () => {
      const [health, entries] = await inTime(Promise.all([bus.health(), members.list()]));
      const now = Date.now();
      // What another version announces may be unknown here; it is left out.
      const known = entries.flatMap(({ value }) =>
        memberCheck.Check(value) ? [{ ...value, isLate: now - value.seenAtMs > LATE_AFTER_MS }] : [],
      );
      known.sort((a, b) => a.service.localeCompare(b.service) || a.instance.localeCompare(b.instance));
      const announced = new Set(known.map(({ service }) => service));
      const missing = Object.keys(needed).filter((service) => !announced.has(service));
      return { bus: { ...health }, members: known, missing };
    },
  );
};
