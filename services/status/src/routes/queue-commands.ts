import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { Bus } from "@postbus/bus";
import { splitItemId } from "@postbus/contracts";
import type { Logger } from "pino";
import { Type } from "typebox";
import { inTime } from "../bus-deadline.ts";
import { Problem, problems } from "../problem.ts";
import { queueCommandNames, queueCommands as table } from "../queue-command.ts";

/** For one item. A change waits for stable storage, so it gets longer than a look does. */
const COMMAND_DEADLINE_MS = 5_000;

/** Operators' commands; `checkOperator` has looked at who asks. */
export const queueCommands: FastifyPluginAsyncTypebox<{ readonly bus: Bus; readonly log: Logger }> = async (
  app,
  { bus, log },
) => {
  app.post(
    "/v1/queue/:id/:command",
    {
      schema: {
        summary: "Deliver now, freeze, thaw or remove an item, or all items of a message",
        security: [{ token: [] }],
        params: Type.Object({
          id: Type.String({ pattern: "^[0-9A-Za-z_-]{1,500}$", description: "Of an item or a message" }),
          command: Type.Enum([...queueCommandNames]),
        }),
        response: {
          200: Type.Object({
            items: Type.Array(
              Type.Object({
                id: Type.String(),
                done: Type.Boolean({ description: "false: in work at this moment, or gone" }),
              }),
            ),
          }),
          401: Problem,
          404: Problem,
          409: Problem,
          ...problems,
        },
      },
    },
    async ({ params: { id, command } }, response) => {
      const { messageId } = splitItemId(id);
      const waiting = await inTime(bus.waiting.ofMessage(messageId));
      const meant = id === messageId ? waiting : waiting.filter((item) => item.id === id);
      if (meant.length === 0) {
        return response.code(404).send({ code: "NOT_IN_QUEUE", message: `${id} is not in the queue` });
      }
      const { states, run } = table[command];
      const items: { id: string; done: boolean }[] = [];
      for (const item of meant) {
        if (states.includes(item.state))
          items.push({ id: item.id, done: await inTime(run(bus, item), COMMAND_DEADLINE_MS) });
      }
      const isDone = items.some((item) => item.done);
      if (!isDone) {
        const found = [...new Set(meant.map((item) => item.state))].join(", ");
        const why = items.length === 0 ? `it is ${found}` : "it is in work at this moment, or gone";
        return response.code(409).send({ code: "NOT_DONE", message: `cannot ${command} ${id}: ${why}` });
      }
      log.info({ command, messageId, items: items.length }, "operator's command");
      return { items };
    },
  );
};
