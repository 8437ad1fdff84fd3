import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Bus, openEmbeddedBus } from "@postbus/bus";
import { openHistory } from "@postbus/history";
import { type Part, readSettings } from "@postbus/service-kit";
import { freePort } from "@postbus/testkit";
import { pino } from "pino";
import { Registry } from "prom-client";
import { logger } from "../src/index.ts";
import { defaultLine as logLine } from "./default-style.ts";
import { numberedEvent } from "./numbered-events.ts";

let directory: string;
let bus: Bus;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "postbus-logger-"));
  bus = await openEmbeddedBus({ directory: join(directory, "bus") });
});
after(async () => {
  await bus.close();
  await rm(directory, { recursive: true });
});

const metrics = new Registry();

function start(env: NodeJS.ProcessEnv = {}, registry = new Registry()): Promise<readonly Part[]> {
  const settings = readSettings(logger.settings, { POSTBUS_DATA: directory, ...env });
  return logger.start({ settings, bus, log: pino({ level: "silent" }), metrics: registry, instance: "test" });
}

async function stop(parts: readonly Part[]): Promise<void> {
  for (const part of parts.toReversed()) await part.stop();
}

const events = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => numberedEvent(from + i));

test("events on a real bus become lines and rows, over a restart", async () => {
  const first = await start({}, metrics);
  await bus.events.record(events(0, 30));
  await stop(first);
  const second = await start();
  await bus.events.record(events(30, 60));
  await stop(second);
  assert.equal(await readFile(join(directory, "log", "mainlog"), "latin1"), events(0, 60).map(logLine).join(""));
  const history = await openHistory({ directory });
  assert.equal((await history.rejects({ limit: 100 })).rejects.length, 20);
  await history.close();
  assert.match(await metrics.metrics(), /^postbus_logger_events_total\{name="smtp:reject"\} 10$/m);
});

test("a database that is away keeps it from starting to write, not from starting", async () => {
  const parts = await start({ DATABASE_URL: `postgres://postgres@127.0.0.1:${await freePort()}/none` });
  const problem = parts.map((part) => part.problem).find((found) => found !== undefined);
  assert.match(problem ?? "", /^history: postgresql: .*ECONNREFUSED/);
  await stop(parts);
});
