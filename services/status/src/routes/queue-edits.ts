import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { Bus } from "@postbus/bus";
import { splitItemId } from "@postbus/contracts";
import type { Logger } from "pino";
import { Type } from "typebox";
import { inTime } from "../bus-deadline.ts";
import { Problem, problems } from "../problem.ts";
import { editableStates, editItem, queueEditNames } from "../queue-edit.ts";

/** For one item. A change waits for stable storage. */
const EDIT_DEADLINE_MS = 5_000;
/** An address with its domain, in ASCII: what an operator adds has to fit every next hop. */
const ADDRESS = /^[\x21-\x7e]{1,64}@[\x21-\x7e]{1,255}$/;
const MAX_ADDRESS = 320;

/** Who gets a message that waits, and from whom; `checkOperator` has looked at who asks. */
export const queueEdits: FastifyPluginAsyncTypebox<{ readonly bus: Bus; readonly log: Logger }> = async (
  app,
  { bus, log },
) => {
  app.post(
    "/v1/queue/:id/edit/:what",
    {
      schema: {
        summary: "Mark recipients as delivered, add one, or change the sender",
        security: [{ token: [] }],
        params: Type.Object({
          id: Type.String({ pattern: "^[0-9A-Za-z_-]{1,500}$", description: "Of an item or a message" }),
          what: Type.Enum([...queueEditNames]),
        }),
        querystring: Type.Object(
          {
            address: Type.String({
              maxLength: MAX_ADDRESS,
              default: "",
              description: "Empty: the null sender, or all",
            }),
          },
          { additionalProperties: false },
        ),
        response: {
          200: Type.Object({ items: Type.Array(Type.String({ description: "Items that have changed" })) }),
          401: Problem,
          404: Problem,
          409: Problem,
          ...problems,
        },
      },
    },
    async ({ params: { id, what }, query: { address } }, response) => {
      const isNew = what === "recipient" || (what === "sender" && address !== "");
      if (isNew && !ADDRESS.test(address)) {
        return response.code(400).send({ code: "NO_ADDRESS", message: `"${address}" is no address with a domain` });
      }
      const { messageId } = splitItemId(id);
      const waiting = await inTime(bus.waiting.ofMessage(messageId));
      const meant = id === messageId ? waiting : waiting.filter((item) => item.id === id);
      if (meant.length === 0) {
        return response.code(404).send({ code: "NOT_IN_QUEUE", message: `${id} is not in the queue` });
      }
      const items: string[] = [];
      let isThere = false;
      for (const item of meant) {
        if (!editableStates.includes(item.state)) continue;
        const edited = await inTime(editItem(bus, item, what, address), EDIT_DEADLINE_MS);
        if (edited === "done") items.push(item.id);
        if (edited !== "not here") isThere = true;
        // One copy is enough.
        if (edited === "done" && what === "recipient") break;
      }
      if (items.length > 0) {
        log.info({ edit: what, messageId, items: items.length }, "operator's command");
        return { items };
      }
      const isReady = meant.some((item) => !editableStates.includes(item.state));
      const why = isThere || isReady ? "it is in work at this moment, or gone" : `${address} is not a recipient`;
      return response.code(409).send({ code: "NOT_DONE", message: `${id} is not changed: ${why}` });
    },
  );
};
