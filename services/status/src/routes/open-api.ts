import type { FastifyPluginAsync } from "fastify";

/** The description of this API, made of the routes' own schemas. */
export const openApi: FastifyPluginAsync = async (app) => {
  app.get("/openapi.json", { schema: { hide: true } }, async () => app.swagger());
};
