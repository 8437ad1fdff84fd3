import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type Bus, openEmbeddedBus } from "@postbus/bus";
import { KeyValueRates, openRedisRates, type RateRequest, type RateStore, RatesDefer } from "../src/index.ts";
import type { RedisRates } from "../src/redis-rates.ts";
import { redisIsMissing, startRedis } from "./redis-server.ts";

const event: RateRequest = { key: "k", periodSeconds: 3_600, limit: 3, count: 1, update: "strict" };

/** By so much two clocks of one machine may differ, and what is told is rounded. */
const CLOCK_SECONDS = 0.01;

/** What every store promises. @param store One whose counters nobody else uses. */
function contract(store: () => RateStore): void {
  const burst = async (count: number, change: Partial<RateRequest>): Promise<string[]> => {
    const results: string[] = [];
    for (let i = 0; i < count; i++) results.push((await store().rate({ ...event, ...change })).toFixed(1));
    return results;
  };

  test("strict counts every event, above the limit too", async () => {
    assert.deepEqual(await burst(5, { key: "strict" }), ["1.0", "2.0", "3.0", "4.0", "5.0"]);
  });

  test("leaky does not count what is above the limit", async () => {
    assert.deepEqual(await burst(6, { key: "leaky", update: "leaky" }), ["1.0", "2.0", "3.0", "4.0", "4.0", "4.0"]);
  });

  test("readonly looks and does not count", async () => {
    assert.deepEqual(await burst(1, { key: "looked at", update: "readonly" }), ["0.0"]);
    await burst(2, { key: "looked at" });
    assert.deepEqual(await burst(2, { key: "looked at", update: "readonly" }), ["2.0", "2.0"]);
  });

  test("keys of any octets do not mix", async () => {
    assert.deepEqual(await burst(1, { key: "\xff\0{a}" }), ["1.0"]);
    assert.deepEqual(await burst(1, { key: "\xff\0{b}" }), ["1.0"]);
  });

  test("an event with a name that has come before does not count again", async () => {
    const names = ["a", "a", "b", "a", "b", "c"];
    const results: string[] = [];
    for (const unique of names) results.push((await store().rate({ ...event, key: "unique", unique })).toFixed(1));
    assert.deepEqual(results, ["1.0", "1.0", "2.0", "2.0", "2.0", "3.0"]);
  });

  test("a short period is forgotten", async () => {
    await burst(3, { key: "short", periodSeconds: 0.05 });
    await delay(400);
    assert.deepEqual(await burst(1, { key: "short", periodSeconds: 0.05, update: "readonly" }), ["0.0"]);
  });

  test("of events at the same time, all count", async () => {
    const rates = await Promise.all(Array.from({ length: 20 }, () => store().rate({ ...event, key: "crowd" })));
    assert.equal(Math.max(...rates).toFixed(1), "20.0");
    assert.equal(new Set(rates.map((rate) => rate.toFixed(1))).size, 20);
  });

  test("seen tells the age of the record, and writes it as it is told", async () => {
    const seen = (update: "always" | "refresh" | "never", refreshSeconds = 100) =>
      store().seen({ key: "s", update, refreshSeconds, keepSeconds: 200 });
    assert.equal(await seen("never"), undefined);
    assert.equal(await seen("never"), undefined);
    assert.equal(await seen("refresh"), undefined);
    await delay(60);
    const age = (await seen("refresh")) ?? 0;
    assert.ok(age >= 0.05 && age < 20, `${age}`);
    let writtenMs = performance.now();
    assert.ok(((await seen("always")) ?? 0) >= age);
    // However busy the machine is, it is not older than that; a record that was not written would be.
    const isWritten = async (): Promise<void> => {
      const told = (await seen("never")) ?? 9;
      assert.ok(told <= (performance.now() - writtenMs) / 1000 + CLOCK_SECONDS, `${told}`);
    };
    await isWritten();
    await delay(60);
    writtenMs = performance.now();
    assert.ok(((await seen("refresh", 0.01)) ?? 0) >= 0.05);
    await isWritten();
  });
}

describe("rates in the embedded bus", () => {
  let bus: Bus;
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "postbus-rates-"));
    bus = await openEmbeddedBus({ directory: join(directory, "bus") });
  });
  after(async () => {
    await bus.close();
    await rm(directory, { recursive: true, force: true });
  });

  contract(() => new KeyValueRates(bus.keyValue("rates"), Date.now));

  test("a store that fails is a deferral", async () => {
    const broken = { get: () => Promise.reject(new Error("gone")), create: async () => 1, update: async () => 1 };
    await assert.rejects(new KeyValueRates(broken, Date.now).rate(event), RatesDefer);
  });

  test("with a clock of the test's own: after a period of silence, e is divided out", async () => {
    let now = 1_000_000;
    const store = new KeyValueRates(bus.keyValue("rates"), () => now);
    for (let i = 0; i < 10; i++) await store.rate({ ...event, key: "clock" });
    now += 3_600_000;
    const rate = await store.rate({ ...event, key: "clock", update: "readonly" });
    assert.equal(rate.toFixed(3), (10 / Math.E).toFixed(3));
  });
});

describe("rates in Redis", { skip: redisIsMissing ?? false }, () => {
  let server: Awaited<ReturnType<typeof startRedis>>;
  let rates: RedisRates;
  before(async () => {
    server = await startRedis();
    rates = await openRedisRates({ url: `redis://127.0.0.1:${server.port}` });
  });
  after(async () => {
    await rates.stop();
    await server.stop();
  });

  contract(() => rates);

  test("what another gateway counts is seen", async () => {
    const other = await openRedisRates({ url: `redis://127.0.0.1:${server.port}` });
    await rates.rate({ ...event, key: "shared" });
    assert.equal((await other.rate({ ...event, key: "shared" })).toFixed(1), "2.0");
    await other.stop();
  });

  test("a server that is away is a deferral, soon, and it is found again when it is back", async () => {
    const away = await openRedisRates({ url: "redis://127.0.0.1:1", timeoutMs: 300 });
    const started = performance.now();
    await assert.rejects(away.rate(event), RatesDefer);
    assert.ok(performance.now() - started < 60_000);
    await away.stop();
  });
});
