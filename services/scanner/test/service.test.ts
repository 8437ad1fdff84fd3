import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openEmbeddedBus } from "@postbus/bus";
import { scanSubject } from "@postbus/contracts";
import { pino } from "pino";
import { Registry } from "prom-client";
import { Value } from "typebox/value";
import { scanner } from "../src/index.ts";
import { scan } from "../src/service.ts";

const question = { v: 1, messageId: "m", recipients: ["joe@example.org"] };
const nothing = { v: 1, state: "no engine configured" };

test("without an engine it says that nothing was looked at", () => assert.deepEqual(scan(question), nothing));

test("what does not fit the contract is refused", () => {
  for (const body of [undefined, {}, { v: 2, messageId: "m", recipients: [] }, { v: 1, messageId: "m" }]) {
    assert.throws(() => scan(body), /does not fit its contract/);
  }
});

test("it is asked over the bus, until it is stopped", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "postbus-scanner-"));
  const bus = await openEmbeddedBus({ directory });
  t.after(async () => {
    await bus.close();
    await rm(directory, { recursive: true, force: true });
  });
  const settings = Value.Parse(scanner.settings, Value.Default(scanner.settings, {}));
  const log = pino({ level: "silent" });
  const parts = await scanner.start({ bus, log, metrics: new Registry(), instance: "test", settings });
  assert.deepEqual(await bus.request(scanSubject, question, { timeoutMs: 5_000 }), nothing);
  for (const part of parts) await part.stop();
  await assert.rejects(bus.request(scanSubject, question, { timeoutMs: 100 }));
});
