import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { Bus } from "@postbus/bus";
import { Type } from "typebox";
import { problems } from "../problem.ts";
import { QueueItem, queueItem } from "../queue-item.ts";

const MAX_PAGE = 200;
const Count = Type.Integer({ minimum: 0 });

/** What waits on the bus, as operators see it. */
export const queue: FastifyPluginAsyncTypebox<{ readonly bus: Bus }> = async (app, { bus }) => {
  app.get(
    "/v1/queue",
    {
      schema: {
        summary: "Items on the bus: how many, and a page of them in order of arrival",
        querystring: Type.Object(
          {
            state: Type.Optional(
              Type.Union([Type.Literal("ready"), Type.Literal("deferred"), Type.Literal("frozen")], {
                description: "ready: to be handed out, or in work",
              }),
            ),
            after: Type.Optional(
              Type.String({ minLength: 1, maxLength: 500, description: "Item id: `next` of the page before" }),
            ),
            limit: Type.Integer({ minimum: 0, maximum: MAX_PAGE, default: 50, description: "0: only the counts" }),
          },
          { additionalProperties: false },
        ),
        response: {
          200: Type.Object({
            counts: Type.Object({ route: Count, deliver: Count, deferred: Count, frozen: Count }),
            items: Type.Array(QueueItem),
            next: Type.Optional(Type.String({ description: "For `after`; absent on the last page" })),
          }),
          ...problems,
        },
      },
    },
    async ({ query }) => {
      const [counts, items] = await Promise.all([
        bus.waiting.counts(),
        query.limit === 0 ? [] : bus.waiting.list(query),
      ]);
      const last = items.length === query.limit ? items.at(-1) : undefined;
      return { counts, items: items.map(queueItem), ...(last === undefined ? {} : { next: last.id }) };
    },
  );
};
