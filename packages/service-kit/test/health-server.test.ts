import assert from "node:assert/strict";
import { test } from "node:test";
import { Counter, Registry } from "prom-client";
import { startHealthServer } from "../src/health-server.ts";

const metrics = new Registry();
new Counter({ name: "postbus_test_things_total", help: "Things", registers: [metrics] }).inc(3);

let isReady = false;
let problem: string | undefined;
let busHealth = async () => ({ ok: true, text: "embedded" });
const view = { isReady: () => isReady, problem: () => problem, busHealth: () => busHealth(), metrics };

async function get(path: string): Promise<{ status: number; text: string }> {
  const part = await startHealthServer({ host: "127.0.0.1", port: 0 }, view);
  try {
    const response = await fetch(`http://${part.addresses?.[0]}${path}`);
    return { status: response.status, text: await response.text() };
  } finally {
    await part.stop();
  }
}

test("healthz answers while the process lives, ready or not", async () => {
  assert.deepEqual(await get("/healthz"), { status: 200, text: "ok\n" });
});

test("readyz refuses until every part is up", async () => {
  isReady = false;
  assert.deepEqual(await get("/readyz"), { status: 503, text: "starting or stopping\n" });
  isReady = true;
  assert.deepEqual(await get("/readyz"), { status: 200, text: "ready\n" });
});

test("readyz refuses while a part says that it cannot work", async () => {
  isReady = true;
  problem = "event reader: history: no answer";
  assert.deepEqual(await get("/readyz"), { status: 503, text: "event reader: history: no answer\n" });
  problem = undefined;
});

test("readyz refuses while the bus is away", async () => {
  isReady = true;
  busHealth = async () => ({ ok: false, text: "no answer from nats" });
  assert.deepEqual(await get("/readyz"), { status: 503, text: "bus: no answer from nats\n" });
});

test("readyz refuses when the bus does not even say how it is", { timeout: 180_000 }, async () => {
  isReady = true;
  busHealth = () => new Promise(() => undefined);
  assert.deepEqual(await get("/readyz"), { status: 503, text: "bus: no answer in 2000 ms\n" });
});

test("metrics are in Prometheus' text format", async () => {
  const { status, text } = await get("/metrics");
  assert.equal(status, 200);
  assert.match(text, /^postbus_test_things_total 3$/m);
});

test("other paths are 404", async () => {
  assert.equal((await get("/etc/passwd")).status, 404);
  assert.equal((await get("/constructor")).status, 404);
});
