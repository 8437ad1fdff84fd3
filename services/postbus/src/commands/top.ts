import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type Static, Type } from "typebox";
import { parseCount } from "../parse-count.ts";
import { openStatusClient, type StatusClient, statusOptions } from "../status-client.ts";

const Count = Type.Integer();
const Queue = Type.Object({ counts: Type.Object({ route: Count, deliver: Count, deferred: Count, frozen: Count }) });
const Minute = Type.Object({
  minuteMs: Type.Number(),
  received: Count,
  delivered: Count,
  deferred: Count,
  failed: Count,
  rejected: Count,
});
const Rates = Type.Object({ minutes: Type.Array(Minute) });
const Fleet = Type.Object({
  bus: Type.Object({ ok: Type.Boolean() }),
  members: Type.Array(Type.Object({ state: Type.String() })),
});

/** Lines between two headings: a screenful. */
const LINES_PER_HEADING = 20;

const columns = [
  "   route",
  " deliver",
  "deferred",
  "  frozen",
  " received",
  "delivered",
  " deferred",
  "   failed",
  " rejected",
  "services",
];

/** `postbus top`: one line an interval: the queue now, this minute's mail, and how many services are ready. */
export async function top(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      server: statusOptions.server,
      interval: { type: "string", default: "1" },
      once: { type: "boolean", default: false },
    },
  });
  const intervalMs = parseCount(values.interval, "--interval") * 1_000;
  const client = openStatusClient(values.server);
  for (let line = 0; ; line++) {
    if (line % LINES_PER_HEADING === 0) {
      process.stdout.write(`${"in the queue".padEnd(35)}  in this minute\n${columns.join(" ")}\n`);
    }
    process.stdout.write(`${await counters(client)}\n`);
    if (values.once) return 0;
    await sleep(intervalMs);
  }
}

async function counters(client: StatusClient): Promise<string> {
  const [{ counts }, { minutes }, { bus, members }] = await Promise.all([
    client.read("/v1/queue?limit=0", Queue),
    client.read("/v1/rates?minutes=1", Rates),
    client.read("/v1/fleet", Fleet),
  ]);
  const none: Static<typeof Minute> = { minuteMs: 0, received: 0, delivered: 0, deferred: 0, failed: 0, rejected: 0 };
  const now = minutes.at(-1) ?? none;
  const ready = members.filter(({ state }) => state === "ready").length;
  const cells = [
    ...[counts.route, counts.deliver, counts.deferred, counts.frozen],
    ...[now.received, now.delivered, now.deferred, now.failed, now.rejected],
    `${ready}/${members.length}`,
  ];
  const row = cells.map((cell, i) => String(cell).padStart(columns[i]?.length ?? 0)).join(" ");
  return bus.ok ? row : `${row}  the bus is away`;
}
