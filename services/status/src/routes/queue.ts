import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { Bus } from "@postbus/bus";
import { Type } from "typebox";
import { inTime } from "../bus-deadline.ts";
import { problems } from "../problem.ts";
import { QueueItem, queueItem } from "../queue-item.ts";

const MAX_PAGE = 200;
const DEFAULT_PAGE = 50;
/** Of one item; a list makes items of 500. */
const MAX_RECIPIENTS = 1_000;
/** A bus that holds very many items sorts them first. */
const LIST_DEADLINE_MS = 7_000;
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
            limit: Type.Optional(
              Type.Integer({
                minimum: 0,
                maximum: MAX_PAGE,
                default: DEFAULT_PAGE,
                description: "0: only the counts",
              }),
            ),
            recipients: Type.Optional(
              Type.Integer({ minimum: 0, maximum: MAX_RECIPIENTS, description: "So many are shown of each item" }),
            ),
            counts: Type.Optional(
              Type.Boolean({ default: true, description: "false: without the counts, for pages that follow" }),
            ),
            messages: Type.Optional(
              Type.Boolean({ description: "How many messages wait, whatever number of items each has" }),
            ),
          },
          { additionalProperties: false },
        ),
        response: {
          200: Type.Object({
            counts: Type.Optional(Type.Object({ route: Count, deliver: Count, deferred: Count, frozen: Count })),
            messages: Type.Optional(Count),
            items: Type.Array(QueueItem),
            next: Type.Optional(Type.String({ description: "For `after`; absent on the last page" })),
          }),
          ...problems,
        },
      },
    },
    async ({
      query: { limit = DEFAULT_PAGE, recipients, counts: wantsCounts, messages: wantsMessages, ...filter },
    }) => {
      // One after the other: the counts show soon whether the bus answers at all.
      const counts = wantsCounts !== false ? await inTime(bus.waiting.counts()) : undefined;
      const messages = wantsMessages === true ? await inTime(bus.waiting.messageCount(), LIST_DEADLINE_MS) : undefined;
      const items = limit === 0 ? [] : await inTime(bus.waiting.list({ ...filter, limit }), LIST_DEADLINE_MS);
      const last = items.length === limit ? items.at(-1) : undefined;
      return {
        ...(counts === undefined ? {} : { counts }),
        ...(messages === undefined ? {} : { messages }),
        items: items.map((item) => queueItem(item, recipients)),
        ...(last === undefined ? {} : { next: last.id }),
      };
    },
  );
};
