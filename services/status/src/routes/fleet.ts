import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { Bus } from "@postbus/bus";
import { FleetMember, fleetBucket } from "@postbus/contracts";
import { Type } from "typebox";
import { Compile } from "typebox/compile";
import { problems } from "../problem.ts";

const memberCheck = Compile(FleetMember);

/** Who is there: services announce themselves, their entries expire when they stop doing so. */
export const fleet: FastifyPluginAsyncTypebox<{ readonly bus: Bus }> = async (app, { bus }) => {
  const members = bus.keyValue(fleetBucket);
  app.get(
    "/v1/fleet",
    {
      schema: {
        summary: "The services that run, and the bus",
        response: {
          200: Type.Object({
            bus: Type.Object({ ok: Type.Boolean(), text: Type.String() }),
            members: Type.Array(FleetMember),
          }),
          ...problems,
        },
      },
    },
    async () => {
      const [health, entries] = await Promise.all([bus.health(), members.list()]);
      // What another version announces may be unknown here; it is left out.
      const known = entries.flatMap(({ value }) => (memberCheck.Check(value) ? [value] : []));
      known.sort((a, b) => a.service.localeCompare(b.service) || a.instance.localeCompare(b.instance));
      return { bus: { ...health }, members: known };
    },
  );
};
