import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { Bus } from "@postbus/bus";
import type { Logger } from "pino";
import { Type } from "typebox";
import { Problem, problems } from "../problem.ts";
import { reloadPolicies } from "../reload-policies.ts";

const Member = Type.Object({ service: Type.String(), instance: Type.String() });

/** The operator's policy, as the services have it; `checkOperator` has looked at who asks. */
export const policy: FastifyPluginAsyncTypebox<{ readonly bus: Bus; readonly log: Logger }> = async (
  app,
  { bus, log },
) => {
  app.post(
    "/v1/policy/reload",
    {
      schema: {
        summary: "Every service reads its policy again and says whether it has the new one",
        security: [{ token: [] }],
        response: {
          200: Type.Object({
            done: Type.Boolean({ description: "All of them have taken what is in their files" }),
            services: Type.Array(
              Type.Object({
                ...Member.properties,
                before: Type.String({ description: "Version of the policy that was in force" }),
                policyVersion: Type.String({ description: "Version of the one that is in force now" }),
                problems: Type.Array(Type.String(), { description: "Why the old one stays; empty: it does not" }),
              }),
            ),
            silent: Type.Array(Member, { description: "They have a policy and did not answer in time" }),
          }),
          401: Problem,
          ...problems,
        },
      },
    },
    async () => {
      const { reports, silent } = await reloadPolicies(bus);
      const services = reports.map(({ v: _, requestId: __, ...report }) => report);
      const done = services.length > 0 && silent.length === 0 && services.every((one) => one.problems.length === 0);
      log.info({ services: services.length, done }, "operator's reload");
      return { done, services, silent: [...silent] };
    },
  );
};
