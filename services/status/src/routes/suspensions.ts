import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { Bus } from "@postbus/bus";
import { Suspension, suspensionBucket, suspensionKey } from "@postbus/contracts";
import type { Logger } from "pino";
import { Type } from "typebox";
import { Compile } from "typebox/compile";
import { inTime } from "../bus-deadline.ts";
import { Problem, problems } from "../problem.ts";

/** A change waits for stable storage. */
const CHANGE_DEADLINE_MS = 5_000;
/** Of one suspension: as long as Exim's retry rules usually go on. An operator who means longer leaves it out. */
const MAX_SECONDS = 30 * 24 * 60 * 60;
/** A domain, or the name or IP address of a host. */
const TARGET = "^[0-9A-Za-z._:-]{1,255}$";

const Shown = Type.Omit(Suspension, ["v"]);
const suspensionCheck = Compile(Suspension);

/** To which domains and hosts nothing is delivered; every replica of delivery obeys within seconds. */
export const suspensions: FastifyPluginAsyncTypebox<{ readonly bus: Bus; readonly log: Logger }> = async (
  app,
  { bus, log },
) => {
  const values = bus.keyValue(suspensionBucket);
  const params = Type.Object({
    target: Type.String({
      pattern: TARGET,
      description: "A domain of recipients, or the name or IP address of a host",
    }),
  });
  const security = [{ token: [] }];

  app.get(
    "/v1/suspensions",
    {
      schema: {
        summary: "To which domains and hosts nothing is delivered now",
        response: { 200: Type.Object({ suspensions: Type.Array(Shown) }), ...problems },
      },
    },
    async () => {
      const entries = await inTime(values.list());
      const known = entries.flatMap(({ value }) => (suspensionCheck.Check(value) ? [value] : []));
      const sorted = known.toSorted((a, b) => a.target.localeCompare(b.target));
      return { suspensions: sorted.map(({ v: _, ...shown }) => shown) };
    },
  );

  app.post(
    "/v1/suspensions/:target",
    {
      schema: {
        summary: "Deliver nothing to a domain or a host for now; what waits for it stays in the queue",
        security,
        params,
        querystring: Type.Object(
          {
            reason: Type.Optional(Type.String({ maxLength: 200 })),
            seconds: Type.Optional(
              Type.Integer({ minimum: 1, maximum: MAX_SECONDS, description: "Absent: until somebody ends it" }),
            ),
          },
          { additionalProperties: false },
        ),
        response: { 200: Shown, 401: Problem, ...problems },
      },
    },
    async ({ params: { target: given }, query: { reason = "", seconds } }) => {
      const target = given.toLowerCase();
      const sinceMs = Date.now();
      const ends = seconds === undefined ? {} : { untilMs: sinceMs + seconds * 1_000 };
      const suspension: Suspension = { v: 1, target, reason, sinceMs, ...ends };
      const ttl = seconds === undefined ? {} : { ttlMs: seconds * 1_000 };
      await inTime(values.put(suspensionKey(target), suspension, ttl), CHANGE_DEADLINE_MS);
      log.info({ target, seconds }, "delivery suspended");
      const { v: _, ...shown } = suspension;
      return shown;
    },
  );

  app.delete(
    "/v1/suspensions/:target",
    {
      schema: {
        summary: "Deliver to a domain or a host again",
        security,
        params,
        response: { 200: Shown, 401: Problem, 404: Problem, ...problems },
      },
    },
    async ({ params: { target: given } }, response) => {
      const target = given.toLowerCase();
      const found = await inTime(values.get(suspensionKey(target)));
      if (!suspensionCheck.Check(found?.value)) {
        return response.code(404).send({ code: "NOT_SUSPENDED", message: `delivery to ${target} is not suspended` });
      }
      await inTime(values.delete(suspensionKey(target)), CHANGE_DEADLINE_MS);
      log.info({ target }, "delivery goes on");
      const { v: _, ...shown } = found.value;
      return shown;
    },
  );
};
