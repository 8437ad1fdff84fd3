import type { Socket } from "node:net";
import swagger from "@fastify/swagger";
import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { Bus } from "@postbus/bus";
import type { History } from "@postbus/history";
import { DeferError } from "@postbus/mail";
import { version } from "@postbus/service-kit";
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
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
import { queueEdits } from "./routes/queue-edits.ts";
import { rates } from "./routes/rates.ts";
import { rejects } from "./routes/rejects.ts";
import { suspensions } from "./routes/suspensions.ts";
import { watch } from "./routes/watch.ts";

/** Requests in work at one time. Bounds what the database and the memory have to bear; the next one is told to wait. */
const MAX_REQUESTS = 64;
/** No request has a body worth speaking of. */
const MAX_BODY_OCTETS = 1_024;
/** A request must be here within that time, its body too. */
const REQUEST_TIMEOUT_MS = 10_000;
/** How often it is looked for requests that are late. */
const CHECK_MS = 1_000;
/** Bounds what requests take that are not complete yet. */
const MAX_CONNECTIONS = 1_000;
/** That too many ask at once is logged so often, whoever they are. */
const BUSY_LOG_MS = 60_000;
const BUSY = "BUSY";
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
    // Node swaps the two timeouts if that of the header is the longer one, as it is by default.
    http: { headersTimeout: REQUEST_TIMEOUT_MS, connectionsCheckingInterval: CHECK_MS },
    clientErrorHandler: answerNoRequest,
    frameworkErrors: (error, _request, response) => {
      const { statusCode, problem } = answerTo(error);
      // No route, and so no schema that the type of the answer could come from.
      void (response as unknown as FastifyReply).code(statusCode).send(problem);
    },
    forceCloseConnections: true,
    routerOptions: { maxParamLength: MAX_PARAMETER },
    // A misspelt query parameter is an error, not a filter that filters nothing.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: true } },
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.server.maxConnections = MAX_CONNECTIONS;

  app.addHook("onRequest", async (request, response) => {
    if (request.url === "/healthz") return;
    checkReader(askedOf(request), deps.token);
    if (request.method !== "GET" && request.method !== "HEAD") checkOperator(askedOf(request), deps.token);
    void response.header("cache-control", "no-store").header("x-content-type-options", "nosniff");
  });
  let inWork = 0;
  // The request is here as a whole: a client that takes its time over the body takes nobody's place.
  app.addHook("preHandler", async (request, response) => {
    // A probe must get its answer, however many others ask.
    if (request.url === "/healthz") return;
    inWork++;
    // Not `onResponse`: it does not run for a client that has gone away, and its place would be lost for good.
    response.raw.once("close", () => {
      inWork--;
    });
    if (inWork > MAX_REQUESTS) throw new ProblemError(503, BUSY, `more than ${MAX_REQUESTS} requests at one time`);
  });
  let busyLoggedAtMs = Number.NEGATIVE_INFINITY;
  app.setErrorHandler((error: FastifyError, request, response) => {
    const { statusCode, problem } = answerTo(error);
    if (problem.code !== BUSY) {
      if (statusCode >= 500) deps.log.warn({ err: error, url: request.url }, "request failed");
    } else if (performance.now() - busyLoggedAtMs > BUSY_LOG_MS) {
      busyLoggedAtMs = performance.now();
      deps.log.warn({ url: request.url }, problem.message);
    }
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
  await app.register(queueEdits, deps);
  await app.register(suspensions, deps);
  await app.register(policy, deps);
  await app.register(rates, deps);
  await app.register(rejects, deps);
  await app.register(fleet, deps);
  await app.register(watch, deps);
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

/** To octets that are no request, or did not become one in time. */
function answerNoRequest({ code }: NodeJS.ErrnoException, socket: Socket): void {
  if (code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, message] = NO_REQUESTS[code ?? ""] ?? ["400 Bad Request", "this is no HTTP request"];
  const body = JSON.stringify({ code: "BAD_REQUEST", message } satisfies Problem);
  const head = `HTTP/1.1 ${status}\r\nContent-Type: application/json; charset=utf-8\r\nConnection: close\r\n`;
  socket.end(`${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  // Whoever does not read it has no more time.
  setTimeout(() => socket.destroy(), CHECK_MS).unref();
}

const NO_REQUESTS: Readonly<Record<string, readonly [status: string, message: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: ["408 Request Timeout", `the request was not complete after ${REQUEST_TIMEOUT_MS} ms`],
  HPE_HEADER_OVERFLOW: ["431 Request Header Fields Too Large", "the header of the request is too large"],
};

const answer = (statusCode: number, code: string, message: string) => ({ statusCode, problem: { code, message } });
