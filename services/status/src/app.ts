import swagger from "@fastify/swagger";
import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { Bus } from "@postbus/bus";
import type { History } from "@postbus/history";
import { DeferError } from "@postbus/mail";
import { version } from "@postbus/service-kit";
import Fastify, { type FastifyError, type FastifyInstance, type FastifyRequest } from "fastify";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { type Asked, checkOperator, checkReader } from "./access.ts";
import { type Problem, ProblemError } from "./problem.ts";
import { fleet } from "./routes/fleet.ts";
import { messages } from "./routes/messages.ts";
import { openApi } from "./routes/open-api.ts";
import { page } from "./routes/page.ts";
import { policy } from "./routes/policy.ts";
import { processRoutes } from "./routes/process.ts";
import { queue } from "./routes/queue.ts";
import { queueCommands } from "./routes/queue-commands.ts";
import { rates } from "./routes/rates.ts";
import { rejects } from "./routes/rejects.ts";

/** Requests in work at one time. Bounds what the database and the memory have to bear; the next one is told to wait. */
const MAX_REQUESTS = 64;
/** No request has a body worth speaking of. */
const MAX_BODY_OCTETS = 1_024;
/** A request's header must be here within that time; see also Node's `headersTimeout`. */
const REQUEST_TIMEOUT_MS = 10_000;
/** Ids of items are longer than what Fastify takes for a parameter by default (100). */
const MAX_PARAMETER = 500;

export interface AppDeps {
  readonly bus: Bus;
  readonly history: History;
  readonly metrics: Registry;
  readonly log: Logger;
  /** POSTBUS_HTTP_TOKEN */
  readonly token: string | undefined;
}

/** The HTTP API and the page, not yet listening: tests ask it with `inject`. */
export async function createApp(deps: AppDeps): Promise<FastifyInstance> {
  const app = Fastify({
    bodyLimit: MAX_BODY_OCTETS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: MAX_PARAMETER },
    // A misspelt query parameter is an error, not a filter that filters nothing.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: true } },
  }).withTypeProvider<TypeBoxTypeProvider>();

  let inWork = 0;
  app.addHook("onRequest", async (request, response) => {
    // A probe must get its answer, however many others ask.
    if (request.url === "/healthz") return;
    inWork++;
    // Not `onResponse`: it does not run for a client that has gone away, and its place would be lost for good.
    response.raw.once("close", () => {
      inWork--;
    });
    if (inWork > MAX_REQUESTS) throw new ProblemError(503, "BUSY", `more than ${MAX_REQUESTS} requests at one time`);
    checkReader(askedOf(request), deps.token);
    if (request.method === "POST") checkOperator(askedOf(request), deps.token);
    void response.header("cache-control", "no-store").header("x-content-type-options", "nosniff");
  });
  app.setErrorHandler((error: FastifyError, request, response) => {
    const { statusCode, problem } = answerTo(error);
    if (statusCode >= 500) deps.log.warn({ err: error, url: request.url }, "request failed");
    return response.code(statusCode).send(problem);
  });
  app.setNotFoundHandler((request, response) =>
    response
      .code(404)
      .send({ code: "NOT_FOUND", message: `there is no ${request.method} ${request.url.slice(0, 200)}` }),
  );

  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Postbus",
        version,
        description: "Messages, queue and fleet. Times are milliseconds since the epoch.",
      },
      components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
    },
  });
  await app.register(messages, deps);
  await app.register(queue, deps);
  await app.register(queueCommands, deps);
  await app.register(policy, deps);
  await app.register(rates, deps);
  await app.register(rejects, deps);
  await app.register(fleet, deps);
  await app.register(processRoutes, deps);
  await app.register(openApi);
  await app.register(page);
  return app;
}

const askedOf = ({ headers }: FastifyRequest): Asked => ({
  host: headers.host,
  origin: headers.origin,
  authorization: headers.authorization,
});

function answerTo(error: FastifyError): { readonly statusCode: number; readonly problem: Problem } {
  if (error instanceof ProblemError) return answer(error.statusCode, error.code, error.message);
  if (error instanceof DeferError) return answer(503, "UNAVAILABLE", error.message);
  if (error.validation !== undefined) return answer(400, "BAD_REQUEST", error.message);
  const { statusCode = 500 } = error;
  // What Fastify found wrong with the request: too large, of an unknown type.
  if (statusCode < 500) return answer(statusCode, "BAD_REQUEST", error.message);
  return answer(500, "INTERNAL", "internal error; the log of the status service has more");
}

const answer = (statusCode: number, code: string, message: string) => ({ statusCode, problem: { code, message } });
