import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { openEmbeddedBus } from "@postbus/bus";
import { firstItemId, type RouteItem, routeSubject } from "@postbus/contracts";
import { DEFAULT_QUEUE_RULES, type QueueRules } from "@postbus/queue";
import { FrozenMail } from "../src/frozen-mail.ts";

const HOUR = 3_600_000;
const NOW = 1_795_000_000_000;
const MESSAGE = "1vMhGf-0000000012a-0Ab3";

/** A frozen message, looked at once. @returns what it is then, and what the log says. */
async function afterSweep(t: TestContext, rules: Partial<QueueRules>, item: Partial<RouteItem>) {
  const directory = await mkdtemp(join(tmpdir(), "postbus-frozen-"));
  const bus = await openEmbeddedBus({ directory });
  t.after(async () => {
    await bus.close();
    await rm(directory, { recursive: true });
  });
  const header: RouteItem = {
    ...{ v: 1, messageId: MESSAGE, returnPath: "ann@a.test", recipients: [{ address: "bob@b.test" }] },
    ...{ receivedAtMs: NOW - 5 * HOUR, queuedAtMs: NOW - 5 * HOUR, attempt: 2 },
    reception: { protocol: "esmtp", size: 12 },
    ...item,
  };
  const content = { kind: "inline" as const, octets: Buffer.from("x") };
  const id = firstItemId(MESSAGE);
  await bus.publish({ subject: routeSubject(), id, messageId: MESSAGE, header, content, frozen: "why" });
  const notes: string[] = [];
  const frozen = new FrozenMail({
    bus: {
      waiting: bus.waiting,
      events: {
        ...bus.events,
        record: async (events) =>
          void notes.push(...events.map((event) => ("text" in event ? event.text : event.name))),
      },
    },
    rules: () => ({ ...DEFAULT_QUEUE_RULES, ...rules }),
    now: () => NOW,
    log: { warn: (_: unknown, text?: string) => assert.fail(text) },
  });
  await frozen.sweep();
  await frozen.sweep();
  await frozen.stop();
  const [left] = await bus.waiting.ofMessage(MESSAGE);
  assert.ok(left !== undefined);
  return { state: left.state, cancelled: (left.header as RouteItem).cancelled, notes };
}

const cases: readonly {
  readonly name: string;
  readonly rules?: Partial<QueueRules>;
  readonly item?: Partial<RouteItem>;
  readonly state: string;
  readonly notes: readonly string[];
  readonly cancelled?: string;
}[] = [
  { name: "stays as it is by default", state: "frozen", notes: [] },
  {
    name: "goes on after auto_thaw",
    rules: { autoThawMs: 4 * HOUR },
    state: "ready",
    notes: ["Unfrozen by auto-thaw"],
  },
  {
    name: "does not before it, counted from when it was frozen",
    rules: { autoThawMs: 4 * HOUR },
    item: { frozenAtMs: NOW - 3 * HOUR },
    state: "frozen",
    notes: [],
  },
  {
    name: "does not if it is a report",
    rules: { autoThawMs: 4 * HOUR },
    item: { returnPath: "" },
    state: "frozen",
    notes: [],
  },
  {
    name: "that is a report is tried for the last time after ignore_bounce_errors_after",
    rules: { ignoreBounceErrorsAfterMs: 4 * HOUR },
    item: { returnPath: "" },
    state: "ready",
    notes: ["Unfrozen by errmsg timer"],
  },
  {
    name: "is given up after timeout_frozen_after",
    rules: { timeoutFrozenAfterMs: 4 * HOUR, autoThawMs: HOUR },
    state: "ready",
    notes: ["cancelled by timeout_frozen_after"],
    cancelled: "delivery timed out",
  },
];

describe("a frozen message", () => {
  for (const { name, rules = {}, item = {}, ...want } of cases) {
    test(name, async (t) => assert.deepEqual(await afterSweep(t, rules, item), { cancelled: undefined, ...want }));
  }
});
