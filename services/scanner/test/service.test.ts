import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openEmbeddedBus } from "@postbus/bus";
import { scanSubject } from "@postbus/contracts";
import { startScriptedEngine } from "@postbus/testkit";
import { pino } from "pino";
import { Registry } from "prom-client";
import { Value } from "typebox/value";
import { scanner } from "../src/index.ts";
import { inline, question } from "./scan-lab.ts";

test("it is asked over the bus, by contract, until it is stopped; it counts what it answers", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "postbus-scanner-"));
  const bus = await openEmbeddedBus({ directory });
  t.after(async () => {
    await bus.close();
    await rm(directory, { recursive: true, force: true });
  });
  await using engine = await startScriptedEngine({ answer: () => ({ answer: "R\nAR\n\n" }) });
  const settings = Value.Parse(scanner.settings, Value.Default(scanner.settings, {}));
  const log = pino({ level: "silent" });
  const metrics = new Registry();
  const parts = await scanner.start({ bus, log, metrics, instance: "test", settings });
  const server = { host: "127.0.0.1", port: engine.port };
  const asked = question({ engine: "dcc", server, options: "header", clientAddress: "192.0.2.1", helo: "h" });
  const options = { timeoutMs: 20_000, content: inline };
  assert.deepEqual(await bus.request(scanSubject, asked, options), {
    v: 2,
    state: "scanned",
    verdict: { engine: "dcc", overall: "R", recipients: "AR", header: "" },
  });
  await assert.rejects(bus.request(scanSubject, { ...asked, v: 1 }, options), /does not fit its contract/);
  await assert.rejects(bus.request(scanSubject, asked, { timeoutMs: 20_000 }), /no content/);
  const text = await metrics.metrics();
  assert.match(text, /postbus_scanner_scans_total\{engine="dcc",result="scanned"\} 1/);
  assert.match(text, /postbus_scanner_asks_total\{program="dccifd",result="ok"\} 1/);
  for (const part of parts) await part.stop();
  await assert.rejects(bus.request(scanSubject, asked, { ...options, timeoutMs: 100 }));
});
