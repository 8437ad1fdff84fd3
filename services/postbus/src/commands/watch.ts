import { parseArgs } from "node:util";
import { type Static, Type } from "typebox";
import { Value } from "typebox/value";
import { parseCount } from "../parse-count.ts";
import { printable } from "../printable.ts";
import { openStatusClient, statusOptions } from "../status-client.ts";
import { timeText } from "../time-text.ts";

const Line = Type.Object({
  atMs: Type.Number(),
  session: Type.String(),
  clientAddress: Type.String(),
  clientPort: Type.Number(),
  kind: Type.String(),
  text: Type.String(),
});
const Dropped = Type.Object({ dropped: Type.Integer() });

/** `postbus watch`: what clients and the gateways say to each other, as it happens. Ends with the time, the sessions, or Control-C. */
export async function watch(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...statusOptions,
      from: { type: "string", multiple: true },
      helo: { type: "string" },
      sender: { type: "string" },
      recipient: { type: "string" },
      limit: { type: "string" },
      seconds: { type: "string" },
    },
  });
  const { server, json, from, helo, sender, recipient } = values;
  const limit = values.limit === undefined ? undefined : parseCount(values.limit, "--limit");
  const seconds = values.seconds === undefined ? undefined : parseCount(values.seconds, "--seconds");
  const asked = Object.entries({ from: from?.join(","), helo, sender, recipient, sessions: limit, seconds });
  const query = new URLSearchParams(
    asked.flatMap(([name, value]) => (value === undefined ? [] : [[name, `${value}`]])),
  );
  const stopping = new AbortController();
  process.once("SIGINT", () => stopping.abort());
  const sessions = new Sessions(limit);
  for await (const text of openStatusClient(server).lines(`/v1/watch?${query}`, stopping.signal)) {
    const object: unknown = JSON.parse(text);
    if (Value.Check(Line, object)) {
      if (!sessions.shows(object)) continue;
      process.stdout.write(json ? `${text}\n` : `${printable(watchedLine(object))}\n`);
      if (sessions.areOver) break;
    } else if (Value.Check(Dropped, object)) {
      process.stdout.write(json ? `${text}\n` : `(${object.dropped} lines came too fast, and are not shown)\n`);
    }
  }
  return 0;
}

const MARKS: Readonly<Record<string, string>> = { client: ">", server: "<", note: "*", end: "*" };

/** `03:04:05.678 192.0.2.1:4711 > NOOP`. */
export function watchedLine({ atMs, clientAddress, clientPort, kind, text }: Static<typeof Line>): string {
  const client = clientAddress.includes(":") ? `[${clientAddress}]` : clientAddress;
  return `${timeText(atMs).slice(-12)} ${client}:${clientPort} ${MARKS[kind] ?? "?"} ${text}`;
}

/** Each gateway shows as many as are wanted of all. */
export class Sessions {
  readonly #limit: number;
  readonly #running = new Set<string>();
  #seen = 0;

  constructor(limit: number | undefined) {
    this.#limit = limit ?? Number.POSITIVE_INFINITY;
  }

  /** Whether as many as are wanted have been seen to their end. */
  get areOver(): boolean {
    return this.#seen >= this.#limit && this.#running.size === 0;
  }

  shows({ session, kind }: Pick<Static<typeof Line>, "session" | "kind">): boolean {
    if (!this.#running.has(session)) {
      if (this.#seen >= this.#limit) return false;
      this.#seen += 1;
      this.#running.add(session);
    }
    if (kind === "end") this.#running.delete(session);
    return true;
  }
}
