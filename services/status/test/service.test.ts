import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Bus, openEmbeddedBus } from "@postbus/bus";
import { type Part, readSettings } from "@postbus/service-kit";
import { pino } from "pino";
import { Registry } from "prom-client";
import { status } from "../src/index.ts";

let directory: string;
let bus: Bus;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "postbus-status-"));
  bus = await openEmbeddedBus({ directory: join(directory, "bus") });
});
after(async () => {
  await bus.close();
  await rm(directory, { recursive: true });
});

async function start(env: NodeJS.ProcessEnv): Promise<readonly Part[]> {
  const settings = readSettings(status.settings, { POSTBUS_DATA: directory, ...env });
  status.check?.(settings);
  return status.start({ settings, bus, log: pino({ level: "silent" }), metrics: new Registry(), instance: "test" });
}

async function stop(parts: readonly Part[]): Promise<void> {
  for (const part of parts.toReversed()) await part.stop();
}

test("it listens where it is told, says where, and stops", async () => {
  const parts = await start({ POSTBUS_HTTP: "127.0.0.1:0" });
  const [address] = parts.find((part) => part.name === "http")?.addresses ?? [];
  assert.match(address ?? "", /^127\.0\.0\.1:[1-9]\d*$/);
  assert.equal((await fetch(`http://${address}/healthz`)).status, 200);
  await stop(parts);
  await assert.rejects(fetch(`http://${address}/healthz`));
});

test("a port that is in use is one clear line", async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const bound = other.address();
  assert.ok(bound !== null && typeof bound === "object");
  await assert.rejects(start({ POSTBUS_HTTP: `127.0.0.1:${bound.port}` }), {
    message: `POSTBUS_HTTP: 127.0.0.1:${bound.port} is in use by another process`,
  });
  await new Promise((resolve) => other.close(resolve));
});

test("where others can reach it, it wants a token", async () => {
  await assert.rejects(start({ POSTBUS_HTTP: "0.0.0.0:0" }), {
    name: "ConfigError",
    message: /set POSTBUS_HTTP_TOKEN/,
  });
  await stop(await start({ POSTBUS_HTTP: "0.0.0.0:0", POSTBUS_HTTP_TOKEN: "correct-horse" }));
});

test("an address that this host does not have is an error of the configuration", async () => {
  const env = { POSTBUS_HTTP: "192.0.2.1:0", POSTBUS_HTTP_TOKEN: "correct-horse" };
  await assert.rejects(start(env), {
    name: "ConfigError",
    message: /^POSTBUS_HTTP: cannot listen on 192\.0\.2\.1:0: /,
  });
});
