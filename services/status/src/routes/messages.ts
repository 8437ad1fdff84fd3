import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { Bus } from "@postbus/bus";
import { type History, type MessageHistory, type MessageSummary, messageStates } from "@postbus/history";
import { messageIdPattern } from "@postbus/mail";
import { type Static, Type } from "typebox";
import { inTime } from "../bus-deadline.ts";
import { inCausalOrder } from "../event-order.ts";
import { Problem, problems } from "../problem.ts";
import { QueueItem, queueItem } from "../queue-item.ts";

/** Recipients that the list shows of one message; the message itself shows them all. */
const LISTED_RECIPIENTS = 10;
/** Events that are shown of one message: with some thousand recipients there may be ten times as many. */
const SHOWN_EVENTS = 1_000;
const MAX_PAGE = 200;
const DEFAULT_PAGE = 50;

const State = Type.Enum([...messageStates]);
const TimeMs = Type.Integer({ description: "Milliseconds since the epoch" });
const MessageId = Type.String({ pattern: messageIdPattern });

const head = {
  id: Type.String(),
  state: State,
  returnPath: Type.Optional(Type.String({ description: "MAIL FROM; empty for a bounce" })),
  receivedAtMs: Type.Optional(TimeMs),
  size: Type.Optional(Type.Integer({ description: "Octets" })),
  clientAddress: Type.Optional(Type.String()),
};
const Listed = Type.Object({
  ...head,
  recipients: Type.Array(Type.String(), { description: `The first ${LISTED_RECIPIENTS}` }),
  recipientCount: Type.Integer(),
});
const Message = Type.Object({
  ...head,
  recipients: Type.Array(
    Type.Object({
      address: Type.String(),
      state: Type.Enum(["queued", "deferred", "delivered", "failed", "refused", "discarded"]),
      atMs: Type.Optional(TimeMs),
      text: Type.Optional(Type.String({ description: "What the last attempt met" })),
      host: Type.Optional(Type.String()),
      nextTryAtMs: Type.Optional(TimeMs),
    }),
  ),
  events: Type.Array(
    Type.Object(
      { id: Type.String(), name: Type.String(), atMs: TimeMs, service: Type.String() },
      { additionalProperties: true },
    ),
    {
      description: `By time, causes before what follows from them, the first ${SHOWN_EVENTS}; fields by name as on the bus`,
    },
  ),
  isCut: Type.Boolean({ description: "There are more events than are shown" }),
  waiting: Type.Array(QueueItem, { description: "What is still to be done; empty: nothing" }),
});

/** Reads only; what changes the queue is in queue-commands.ts. */
export const messages: FastifyPluginAsyncTypebox<{ readonly history: History; readonly bus: Bus }> = async (
  app,
  { history, bus },
) => {
  app.get(
    "/v1/messages",
    {
      schema: {
        summary: "Recent messages, newest first",
        querystring: Type.Object(
          {
            state: Type.Optional(State),
            sender: Type.Optional(
              Type.String({ minLength: 1, maxLength: 320, description: "Part of the return path" }),
            ),
            recipient: Type.Optional(Type.String({ minLength: 1, maxLength: 320, description: "Part of an address" })),
            since: Type.Optional(Type.String({ format: "date-time", description: "Accepted at this time or later" })),
            after: Type.Optional(MessageId),
            limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_PAGE, default: DEFAULT_PAGE })),
          },
          { additionalProperties: false },
        ),
        response: {
          200: Type.Object({
            messages: Type.Array(Listed),
            next: Type.Optional(
              Type.String({
                description: "For `after`; a page with it may hold fewer than `limit`. Absent on the last page",
              }),
            ),
          }),
          ...problems,
        },
      },
    },
    async ({ query: { since, limit = DEFAULT_PAGE, ...filter } }) => {
      const sinceMs = since === undefined ? {} : { sinceMs: Date.parse(since) };
      const { messages: found, next } = await history.messages({ ...filter, ...sinceMs, limit });
      return { messages: found.map(listed), ...(next === undefined ? {} : { next }) };
    },
  );

  app.get(
    "/v1/messages/:id",
    {
      schema: {
        summary: "One message: its recipients, its events in order, and what is still to be done",
        params: Type.Object({ id: MessageId }),
        response: { 200: Message, 404: Problem, ...problems },
      },
    },
    async ({ params: { id } }, response) => {
      const [known, waiting] = await Promise.all([history.message(id), inTime(bus.waiting.ofMessage(id))]);
      if (known === undefined && waiting.length === 0) {
        return response.code(404).send({ code: "MESSAGE_NOT_FOUND", message: `message ${id} is not known` });
      }
      return { ...traced(known ?? unrecorded(id)), waiting: waiting.map((item) => queueItem(item)) };
    },
  );
};

function listed({ recipients, ...rest }: MessageSummary): Static<typeof Listed> {
  return { ...rest, recipients: recipients.slice(0, LISTED_RECIPIENTS), recipientCount: recipients.length };
}

function traced({ recipientStates, events, ...rest }: MessageHistory): Omit<Static<typeof Message>, "waiting"> {
  const shown = inCausalOrder(events).slice(0, SHOWN_EVENTS);
  return {
    ...rest,
    recipients: [...recipientStates],
    events: shown,
    isCut: rest.isCut || shown.length < events.length,
  };
}

/** On the bus, but its events have not been read yet, or are aged out. */
const unrecorded = (id: string): MessageHistory => ({
  id,
  state: "queued",
  recipients: [],
  recipientStates: [],
  events: [],
  isCut: false,
});
