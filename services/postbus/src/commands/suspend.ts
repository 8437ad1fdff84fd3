import { parseArgs } from "node:util";
import { type Static, Type } from "typebox";
import { UsageError } from "../command.ts";
import { printable } from "../printable.ts";
import { openStatusClient, type StatusClient, statusOptions } from "../status-client.ts";
import { spanText } from "../time-text.ts";

const Suspension = Type.Object({
  target: Type.String(),
  reason: Type.String(),
  sinceMs: Type.Number(),
  untilMs: Type.Optional(Type.Number()),
});
const List = Type.Object({ suspensions: Type.Array(Suspension) });

const UNIT_SECONDS: Readonly<Record<string, number>> = {
  __proto__: null as never,
  ...{ s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 },
};

/** `postbus suspend`: nothing is delivered to a domain or a host for now; without one, it shows those that are suspended. */
export async function suspend(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { ...statusOptions, for: { type: "string" }, reason: { type: "string" } },
    allowPositionals: true,
  });
  const [target, ...more] = positionals;
  if (more.length > 0) throw new UsageError("suspend: one domain or host at a time");
  const client = openStatusClient(values.server);
  if (target === undefined) {
    await showSuspensions(client, values.json);
    return 0;
  }
  const query = new URLSearchParams();
  if (values.for !== undefined) query.set("seconds", String(secondsIn(values.for)));
  if (values.reason !== undefined) query.set("reason", values.reason);
  const path = `/v1/suspensions/${encodeURIComponent(target)}?${query}`;
  const suspension = await client.read(path, Suspension, "POST");
  process.stdout.write(`${values.json ? JSON.stringify(suspension) : suspensionLine(suspension, Date.now())}\n`);
  return 0;
}

/** A line for each; none where nothing is suspended. */
export async function showSuspensions(client: StatusClient, isJson: boolean): Promise<void> {
  const { suspensions } = await client.read("/v1/suspensions", List);
  for (const one of suspensions) {
    process.stdout.write(`${isJson ? JSON.stringify(one) : suspensionLine(one, Date.now())}\n`);
  }
}

/** `b.test is suspended for 2h: moves house`. */
export function suspensionLine({ target, reason, untilMs }: Static<typeof Suspension>, nowMs: number): string {
  const ends = untilMs === undefined ? "" : ` for ${spanText(untilMs - nowMs)}`;
  return printable(`${target} is suspended${ends}${reason === "" ? "" : `: ${reason}`}`);
}

/** `90m`, `1d12h`, as times in the policy file. @throws {UsageError} */
export function secondsIn(text: string): number {
  const parts = [...text.matchAll(/(\d{1,9})([smhdw])/g)];
  const seconds = parts.reduce((sum, [, count, unit = ""]) => sum + Number(count) * (UNIT_SECONDS[unit] ?? 0), 0);
  if (parts.map(([part]) => part).join("") !== text || seconds === 0) {
    throw new UsageError(`--for: a time like 30m or 1d12h is expected, not ${JSON.stringify(text)}`);
  }
  return seconds;
}
