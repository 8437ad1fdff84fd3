import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { Bus } from "@postbus/bus";
import { FleetMember } from "@postbus/contracts";
import type { ServiceName } from "@postbus/service-kit";
import { Type } from "typebox";
import { inTime } from "../bus-deadline.ts";
import { fleetMembers } from "../fleet-members.ts";
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

/** Who is there: services announce themselves, their entries expire when they stop doing so. */
export const fleet: FastifyPluginAsyncTypebox<{ readonly bus: Bus }> = async (app, { bus }) => {
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
      const [health, members] = await inTime(Promise.all([bus.health(), fleetMembers(bus)]));
      const announced = new Set<string>(members.map(({ service }) => service));
      const missing = Object.keys(needed).filter((service) => !announced.has(service));
      return { bus: { ...health }, members: [...members], missing };
    },
  );
};
