import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { History } from "@postbus/history";
import { Type } from "typebox";
import { problems } from "../problem.ts";

const MAX_PAGE = 200;
const DEFAULT_PAGE = 50;

/** What was refused, with the reason in Exim's words. */
export const rejects: FastifyPluginAsyncTypebox<{ readonly history: History }> = async (app, { history }) => {
  app.get(
    "/v1/rejects",
    {
      schema: {
        summary: "Commands and messages that were refused, newest first",
        querystring: Type.Object(
          {
            before: Type.Optional(
              Type.String({ pattern: "^[0-9]+ .+$", maxLength: 500, description: "`next` of the page before" }),
            ),
            limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_PAGE, default: DEFAULT_PAGE })),
          },
          { additionalProperties: false },
        ),
        response: {
          200: Type.Object({
            rejects: Type.Array(
              Type.Object({
                id: Type.String(),
                atMs: Type.Integer({ description: "Milliseconds since the epoch" }),
                clientAddress: Type.String(),
                clientPort: Type.Optional(Type.Integer()),
                helo: Type.Optional(Type.String()),
                returnPath: Type.Optional(Type.String()),
                text: Type.String(),
              }),
            ),
            next: Type.Optional(Type.String({ description: "For `before`; absent on the last page" })),
          }),
          ...problems,
        },
      },
    },
    async ({ query: { limit = DEFAULT_PAGE, ...rest } }) => {
      const { rejects: found, next } = await history.rejects({ ...rest, limit });
      return { rejects: [...found], ...(next === undefined ? {} : { next }) };
    },
  );
};
