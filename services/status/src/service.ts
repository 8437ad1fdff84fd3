import { openHistory } from "@postbus/history";
import { ConfigError, DeferError } from "@postbus/mail";
import { type Endpoint, formatEndpoint, parseEndpoint, type Service } from "@postbus/service-kit";
import type { FastifyInstance } from "fastify";
import { checkExposure } from "./access.ts";
import { createApp } from "./app.ts";
import { StatusConfig } from "./config.ts";

/** HTTP API and page over history and bus. */
export const status: Service<typeof StatusConfig> = {
  name: "status",
  settings: StatusConfig,
  check: ({ http, httpToken }) => checkExposure(parseEndpoint(http, "POSTBUS_HTTP"), httpToken),
  async start({ settings, bus, log, metrics }) {
    const endpoint = parseEndpoint(settings.http, "POSTBUS_HTTP");
    const { databaseUrl, data } = settings;
    const history = await openHistory({ databaseUrl, directory: data });
    const app = await createApp({ bus, history, metrics, log, token: settings.httpToken });
    const port = await listen(app, endpoint);
    return [
      { name: "history", stop: () => history.close() },
      { name: "http", addresses: [formatEndpoint(endpoint.host, port)], stop: () => app.close() },
    ];
  },
};

/** @returns The port. @throws {DeferError} somebody has it. @throws {ConfigError} this host cannot listen there. */
async function listen(app: FastifyInstance, { host, port }: Endpoint): Promise<number> {
  try {
    await app.listen({ host, port });
  } catch (err) {
    await app.close();
    const code = err instanceof Error && "code" in err ? err.code : undefined;
    const where = formatEndpoint(host, port);
    if (code === "EADDRINUSE")
      throw new DeferError("POSTBUS_HTTP", `${where} is in use by another process`, { cause: err });
    throw new ConfigError(
      `POSTBUS_HTTP: cannot listen on ${where}: ${err instanceof Error ? err.message : String(err)}`,
      {
        cause: err,
      },
    );
  }
  const bound = app.server.address();
  return typeof bound === "object" && bound !== null ? bound.port : port;
}
