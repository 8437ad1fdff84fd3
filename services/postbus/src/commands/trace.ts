import { parseArgs } from "node:util";
import { Decided } from "@postbus/contracts";
import { type Static, Type } from "typebox";
import { Value } from "typebox/value";
import { UsageError } from "../command.ts";
import { messageIdOf } from "../message-id.ts";
import { printable } from "../printable.ts";
import { openStatusClient, statusOptions } from "../status-client.ts";
import { timeText } from "../time-text.ts";
import { decidedLines } from "../trace/decided-lines.ts";

const TracedEvent = Type.Object({ name: Type.String(), atMs: Type.Number(), service: Type.String() });
const Message = Type.Object({
  id: Type.String(),
  state: Type.String(),
  recipients: Type.Array(Type.Object({ state: Type.String() })),
  events: Type.Array(TracedEvent),
  isCut: Type.Boolean(),
});

/** `postbus trace ID`: what `exigrep` tells from log files, from the history. */
export async function trace(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args: [...args], options: statusOptions, allowPositionals: true });
  if (positionals.length === 0) throw new UsageError("trace: which message? Say its id");
  const client = openStatusClient(values.server);
  for (const id of positionals) {
    const message = await client.read(`/v1/messages/${messageIdOf(id)}`, Message);
    if (values.json) for (const event of message.events) process.stdout.write(`${JSON.stringify(event)}\n`);
    else process.stdout.write(story(message));
  }
  return 0;
}

/** What is told of a message, with the end of its last line. */
export function story({ id, state, recipients, events, isCut }: Static<typeof Message>): string {
  const lines = events.flatMap(eventLines).map(printable);
  const stand = `${state}${attempted(recipients)}`;
  const end = isCut ? `${id}: there is more; this is ${stand}` : `${id}: ${stand}`;
  return `${[...lines, end].join("\n")}\n`;
}

/** ` (2 delivered, 1 failed)` where recipients stand differently; who became other addresses is not counted. */
function attempted(recipients: Static<typeof Message>["recipients"]): string {
  const counts = ["delivered", "deferred", "failed"]
    .map((state) => [recipients.filter((recipient) => recipient.state === state).length, state] as const)
    .filter(([count]) => count > 0);
  return counts.length < 2 ? "" : ` (${counts.map((words) => words.join(" ")).join(", ")})`;
}

/** Of most events one line; the policy's decisions are too many for that. */
export function eventLines(event: Static<typeof TracedEvent>): string[] {
  if (!Value.Check(Decided, event)) return [eventLine(event)];
  const { stages: _, omittedStages: __, ...head } = event;
  return [eventLine(head), ...decidedLines(event)];
}

/** Fields that every event has: the line's frame. */
const FRAME = new Set(["v", "id", "atMs", "service", "name", "messageId"]);

/** Time, service, event, and what is particular to it as `field=value`; fields of objects one by one. */
export function eventLine(event: Static<typeof TracedEvent>): string {
  const own = Object.entries(event).filter(([name]) => !FRAME.has(name));
  const fields = own.flatMap(([name, value]): [string, unknown][] =>
    isPlainObject(value) ? Object.entries(value) : [[name, value]],
  );
  const pairs = fields.map(([name, value]) => `${name}=${word(name, value)}`);
  return [timeText(event.atMs), event.service.padEnd(8), event.name.padEnd(17), ...pairs].join(" ");
}

const isPlainObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function word(name: string, value: unknown): string {
  if (typeof value === "number" && name.endsWith("AtMs")) return JSON.stringify(timeText(value));
  return typeof value === "string" && /^[^\s"]+$/.test(value) ? value : JSON.stringify(value);
}
