import { ConfigError, DeferError } from "@postbus/mail";
import { parseEndpoint } from "@postbus/service-kit/endpoint";
import { readSettings } from "@postbus/service-kit/settings";
import { type Static, type TSchema, Type } from "typebox";
import { Value } from "typebox/value";
import { RefusedError } from "./command.ts";
import { ownVariables } from "./own-variables.ts";

/** Of the status service; the commands here read them so that both run with one environment. */
const ClientSettings = Type.Object({
  http: Type.String({ default: "127.0.0.1:8080" }),
  httpToken: Type.Optional(Type.String()),
});

/** The service answers from memory and an index; a person waits. */
const TIMEOUT_MS = 10_000;

/** For `util.parseArgs`: the options of every command that asks the status service. */
export const statusOptions = { server: { type: "string" }, json: { type: "boolean", default: false } } as const;

export interface StatusClient {
  /** The answer as it is. @throws {RefusedError} @throws {DeferError} the service cannot be reached. */
  ask(path: string, method?: "GET" | "POST" | "DELETE"): Promise<unknown>;
  /**
   * The lines of an answer that comes little by little, without the empty ones, until its end or the signal.
   *
   * @throws as `ask`.
   */
  lines(path: string, signal: AbortSignal): AsyncIterable<string>;
  /** The answer as far as `schema` names it. @throws as `ask`. */
  read<S extends TSchema>(path: string, schema: S, method?: "GET" | "POST" | "DELETE"): Promise<Static<S>>;
}

/**
 * @param server URL; absent: where `POSTBUS_HTTP` says that the service listens, by default on this machine.
 * @throws {ConfigError}
 */
export function openStatusClient(server: string | undefined, env: NodeJS.ProcessEnv = process.env): StatusClient {
  const { http, httpToken } = readSettings(ClientSettings, ownVariables(ClientSettings, env));
  const base = server ?? urlOf(http);
  if (!URL.canParse(base)) throw new ConfigError(`--server: must be a URL like http://127.0.0.1:8080`);
  const headers: Record<string, string> = httpToken === undefined ? {} : { authorization: `Bearer ${httpToken}` };

  async function ask(path: string, method: "GET" | "POST" | "DELETE" = "GET"): Promise<unknown> {
    const response = await answerOf(new URL(path, base), { method, headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
    return response.ok ? response.json().catch(() => undefined) : refused(response);
  }

  return {
    ask,
    async *lines(path, signal) {
      const late = new AbortController();
      const timer = setTimeout(() => late.abort(new Error(`no answer in ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
      const options = { method: "POST", headers, signal: AbortSignal.any([signal, late.signal]) };
      try {
        const response = await answerOf(new URL(path, base), options);
        if (!response.ok) await refused(response);
        clearTimeout(timer);
        if (response.body !== null) yield* linesOf(response.body);
      } catch (err) {
        if (!signal.aborted) throw err;
      } finally {
        clearTimeout(timer);
      }
    },
    async read(path, schema, method) {
      const body = await ask(path, method);
      if (!Value.Check(schema, body))
        throw new DeferError("status", `${base} does not answer as a status service does`);
      return body;
    },
  };
}

/** @throws {DeferError} @throws {RefusedError} */
async function refused(response: Response): Promise<never> {
  const body: unknown = await response.json().catch(() => undefined);
  const { message } = Value.Check(Problem, body) ? body : { message: `${response.status} ${response.statusText}` };
  if (response.status >= 500) throw new DeferError("status", message);
  throw new RefusedError(message);
}

/** @throws {DeferError} it broke off. */
async function* linesOf(body: ReadableStream<Uint8Array>): AsyncIterable<string> {
  let rest = "";
  const decoder = new TextDecoder();
  try {
    for await (const octets of body) {
      const lines = (rest + decoder.decode(octets, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line !== "") yield line;
    }
  } catch (err) {
    throw new DeferError("status", "the connection broke off", { cause: err });
  }
}

const Problem = Type.Object({ message: Type.String() });

async function answerOf(url: URL, options: RequestInit): Promise<Response> {
  try {
    return await fetch(url, options);
  } catch (err) {
    const { cause, message } = err instanceof Error ? err : new Error(String(err));
    const why = cause instanceof Error && cause.message !== "" ? cause.message : message;
    throw new DeferError("status", `no answer from ${url.origin}: ${why}`, { cause: err });
  }
}

/** Where it listens on all addresses, it is asked on this machine's own. */
function urlOf(http: string): string {
  const { host, port } = parseEndpoint(http, "POSTBUS_HTTP");
  if (host === "0.0.0.0") return `http://127.0.0.1:${port}`;
  if (host === "::") return `http://[::1]:${port}`;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}
