import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { Bus } from "@postbus/bus";
import type { History } from "@postbus/history";
import type { Registry } from "prom-client";
import { Type } from "typebox";
import { inTime } from "../bus-deadline.ts";
import { Problem, problems } from "../problem.ts";

const Ok = Type.Object({ state: Type.String() });

/** What an orchestrator asks. Where one process runs everything, this is the process's own health. */
export const processRoutes: FastifyPluginAsyncTypebox<{
  readonly bus: Bus;
  readonly history: History;
  readonly metrics: Registry;
}> = async (app, { bus, history, metrics }) => {
  app.get("/healthz", { schema: { summary: "The process lives", response: { 200: Ok, ...problems } } }, async () => ({
    state: "alive",
  }));

  app.get(
    "/readyz",
    { schema: { summary: "Bus and history answer", response: { 200: Ok, ...problems, 503: Problem } } },
    async (_request, response) => {
      const { ok, text } = await inTime(bus.health());
      if (!ok) return response.code(503).send({ code: "BUS_NOT_OK", message: `bus: ${text}` });
      await history.rates(Date.now());
      return { state: "ready" };
    },
  );

  app.get("/metrics", { schema: { hide: true } }, async (_request, response) =>
    response.type(metrics.contentType).send(await metrics.metrics()),
  );
};
