import { createServer, type ServerResponse } from "node:http";
import type { BusHealth } from "@postbus/bus";
import type { Registry } from "prom-client";
import { type Endpoint, formatEndpoint } from "./endpoint.ts";
import type { Part } from "./service.ts";

/** A prober gives up after a second or so; an answer after that helps nobody. */
const BUS_HEALTH_TIMEOUT_MS = 2_000;

export interface HealthView {
  /** All parts are up and none is stopping. */
  isReady(): boolean;
  /** Why a part cannot work now. */
  problem(): string | undefined;
  busHealth(): Promise<BusHealth>;
  readonly metrics: Registry;
}

/**
 * What an orchestrator asks: `/healthz` answers while the process lives, `/readyz` says whether it should get work
 * (all parts up, bus reachable), `/metrics` is for Prometheus.
 */
export async function startHealthServer({ host, port }: Endpoint, view: HealthView): Promise<Part> {
  const routes: Record<string, (response: ServerResponse) => Promise<void>> = {
    "/healthz": async (response) => answer(response, 200, "ok"),
    "/readyz": async (response) => {
      const problem = await notReadyBecause(view);
      answer(response, problem === undefined ? 200 : 503, problem ?? "ready");
    },
    "/metrics": async (response) => {
      answer(response, 200, await view.metrics.metrics(), view.metrics.contentType);
    },
  };
  const server = createServer((request, response) => {
    const path = request.url?.replace(/\?.*/, "") ?? "";
    const route = routes[path];
    if (route === undefined) return answer(response, 404, "not found");
    route(response).catch((err: unknown) => answer(response, 500, err instanceof Error ? err.message : String(err)));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const bound = server.address();
  const boundPort = typeof bound === "object" && bound !== null ? bound.port : port;
  return {
    name: "health",
    addresses: [formatEndpoint(host, boundPort)],
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function notReadyBecause(view: HealthView): Promise<string | undefined> {
  if (!view.isReady()) return "starting or stopping";
  const { ok, text } = await busHealthInTime(view);
  return ok ? view.problem() : `bus: ${text}`;
}

async function busHealthInTime(view: HealthView): Promise<BusHealth> {
  const { promise: late, resolve } = Promise.withResolvers<BusHealth>();
  const text = `no answer in ${BUS_HEALTH_TIMEOUT_MS} ms`;
  const timer = setTimeout(() => resolve({ ok: false, text }), BUS_HEALTH_TIMEOUT_MS);
  try {
    return await Promise.race([view.busHealth(), late]);
  } finally {
    clearTimeout(timer);
  }
}

function answer(response: ServerResponse, code: number, text: string, contentType = "text/plain; charset=utf-8"): void {
  response.writeHead(code, { "content-type": contentType, "cache-control": "no-store" }).end(`${text}\n`);
}
