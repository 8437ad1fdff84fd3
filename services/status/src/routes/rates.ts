import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { History } from "@postbus/history";
import { Type } from "typebox";
import { problems } from "../problem.ts";

const MINUTE_MS = 60_000;
const MAX_MINUTES = 24 * 60;
const DEFAULT_MINUTES = 60;

/** How much mail there is. */
export const rates: FastifyPluginAsyncTypebox<{ readonly history: History }> = async (app, { history }) => {
  app.get(
    "/v1/rates",
    {
      schema: {
        summary: "What happened in each minute, oldest first; minutes without anything are left out",
        querystring: Type.Object(
          { minutes: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_MINUTES, default: DEFAULT_MINUTES })) },
          { additionalProperties: false },
        ),
        response: {
          200: Type.Object({
            minutes: Type.Array(
              Type.Object({
                minuteMs: Type.Integer({ description: "Its begin, milliseconds since the epoch" }),
                received: Type.Integer({ description: "Messages" }),
                delivered: Type.Integer({ description: "Recipients, as in the next two" }),
                deferred: Type.Integer(),
                failed: Type.Integer(),
                rejected: Type.Integer({ description: "Commands and messages that were refused" }),
              }),
            ),
          }),
          ...problems,
        },
      },
    },
    async ({ query: { minutes = DEFAULT_MINUTES } }) => ({
      minutes: [...(await history.rates(Date.now() - (minutes - 1) * MINUTE_MS))],
    }),
  );
};
