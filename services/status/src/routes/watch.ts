import type { Readable } from "node:stream";
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { Bus } from "@postbus/bus";
import { parseNetwork, WatchFilter } from "@postbus/contracts";
import type { Logger } from "pino";
import { Type } from "typebox";
import { Problem, ProblemError, problems } from "../problem.ts";
import { watchSessions } from "../watch-sessions.ts";

/** At one time: each is a connection that stays. */
const MAX_WATCHES = 4;
const MAX_SECONDS = 24 * 60 * 60;
const DEFAULT_SECONDS = 60 * 60;
const MAX_NETWORKS = 2_000;

const { helo, sender, recipient } = WatchFilter.properties;

/** Who reads it sees who writes to whom: operators only, so that it is a POST (`checkOperator` has looked at who asks). */
export const watch: FastifyPluginAsyncTypebox<{ readonly bus: Bus; readonly log: Logger }> = async (
  app,
  { bus, log },
) => {
  let watches = 0;
  app.post(
    "/v1/watch",
    {
      schema: {
        summary: "SMTP sessions as they happen, one JSON object a line, until the time is up or the reader goes",
        description:
          "Lines of sessions that fit: `session`, `clientAddress`, `clientPort`, `kind` (client, server, note, end), `text`; or `dropped`, a count. Neither content nor what is said behind AUTH.",
        security: [{ token: [] }],
        querystring: Type.Object(
          {
            from: Type.Optional(
              Type.String({
                minLength: 1,
                maxLength: MAX_NETWORKS,
                description: "Networks or addresses, comma-separated",
              }),
            ),
            helo,
            sender,
            recipient,
            sessions: Type.Optional(Type.Integer({ minimum: 1, description: "Of each gateway, at most" })),
            seconds: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_SECONDS, default: DEFAULT_SECONDS })),
          },
          { additionalProperties: false },
        ),
        response: {
          200: Type.Unsafe<Readable>(Type.String({ description: "application/x-ndjson" })),
          401: Problem,
          ...problems,
        },
      },
    },
    async ({ query: { from, sessions, seconds = DEFAULT_SECONDS, ...filter } }, response) => {
      if (watches >= MAX_WATCHES) throw new ProblemError(503, "BUSY", `${MAX_WATCHES} watch already`);
      const networks = from === undefined ? {} : { from: networksOf(from) };
      watches += 1;
      // Also where the reader has gone before there was anything to read.
      response.raw.once("close", () => {
        watches -= 1;
      });
      const lines = await watchSessions(bus, { filter: { ...filter, ...networks }, sessions, forMs: seconds * 1_000 });
      if (response.raw.destroyed) lines.destroy();
      log.info({ filter, ...networks, seconds }, "operator watches sessions");
      return response.type("application/x-ndjson").send(lines);
    },
  );
};

/** @throws {ProblemError} 400 */
function networksOf(text: string): string[] {
  const networks = text.split(",").map((word) => word.trim());
  for (const network of networks) {
    if (parseNetwork(network) === undefined) {
      throw new ProblemError(400, "BAD_REQUEST", `from: "${network}" is no network like 192.0.2.0/24`);
    }
  }
  return networks;
}
