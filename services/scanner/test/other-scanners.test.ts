import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ScanNews, ScanTask } from "@postbus/contracts";
import { type EngineAction, startScriptedEngine } from "@postbus/testkit";
import { KeptVerdicts } from "../src/kept-verdicts.ts";
import { OtherScanners } from "../src/other-scanners.ts";
import { inline, question, scansWith } from "./scan-lab.ts";

const clamd = (port: number): ScanTask => ({
  engine: "malware",
  scanner: "clamd",
  servers: [{ server: { host: "127.0.0.1", port }, retryMs: 0 }],
});
const isWhole = (request: string): boolean => request.endsWith("\0\0\0\0");

/** Two scanners, which tell each other what they do; `told` is all that was said. */
function twoScanners({ isDeaf = false } = {}) {
  const told: ScanNews[] = [];
  const all: OtherScanners[] = [];
  const scanner = (instance: string) => {
    const kept = new KeptVerdicts();
    const others = new OtherScanners(kept, instance, (said) => {
      told.push(said);
      if (!isDeaf) for (const each of all) each.heard(structuredClone(said));
    });
    all.push(others);
    return scansWith({ kept, others });
  };
  return { one: scanner("one"), two: scanner("two"), told };
}

describe("scanners of a fleet", () => {
  for (const messageId of ["m1", "m2"]) {
    const what = messageId === "m1" ? "the same message" : "a message that is sent again";
    test(`do not ask an engine again about ${what}`, async () => {
      await using engine = await startScriptedEngine({ isWhole, answer: () => ({ answer: "stream: Worm FOUND\0" }) });
      const { one, two } = twoScanners();
      const first = await one.scans.answer(question(clamd(engine.port)), inline);
      assert.deepEqual(await two.scans.answer(question(clamd(engine.port), { messageId }), inline), first);
      assert.deepEqual([engine.requests.length, one.results, two.results], [1, ["scanned"], ["kept"]]);
    });

    test(`ask it once about ${what} that comes to both at the same time`, async () => {
      const { one, two } = twoScanners();
      let second: ReturnType<typeof two.scans.answer> | undefined;
      await using engine = await startScriptedEngine({
        isWhole,
        answer: () => {
          second ??= two.scans.answer(question(clamd(engine.port), { messageId }), inline);
          return { answer: "stream: OK\0" };
        },
      });
      const first = await one.scans.answer(question(clamd(engine.port)), inline);
      assert.deepEqual(await second, first);
      assert.deepEqual([engine.requests.length, two.results], [1, ["kept"]]);
    });
  }

  test("ask themselves when the other one has no answer", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const actions: EngineAction[] = [{ do: "hang" }, { answer: "stream: OK\0" }];
    await using engine = await startScriptedEngine({
      isWhole,
      answer: () => {
        resolve();
        return actions.shift() ?? { do: "hang" };
      },
    });
    const { one, two } = twoScanners();
    const first = one.scans.answer(question(clamd(engine.port), { timeoutMs: 300 }), inline);
    await promise;
    const second = two.scans.answer(question(clamd(engine.port), { messageId: "m2" }), inline);
    assert.equal((await first).state, "failed");
    assert.equal((await second).state, "scanned");
    assert.equal(engine.requests.length, 2);
  });

  test("do not wait long for one that has died", async () => {
    await using engine = await startScriptedEngine({ isWhole, answer: () => ({ answer: "stream: OK\0" }) });
    const kept = new KeptVerdicts();
    const others = new OtherScanners(kept, "two", () => undefined);
    const { scans } = scansWith({
      kept,
      others: { asking() {}, answered() {}, over: (_key, mostMs) => others.over("its question", mostMs) },
    });
    others.heard({ v: 1, instance: "one", key: "its question", state: "asked", forMs: 600_000 });
    const answer = await scans.answer(question(clamd(engine.port), { timeoutMs: 3_000 }), inline);
    assert.equal(answer.state, "scanned");
  });

  test("that hear nothing of each other ask, each for itself", async () => {
    await using engine = await startScriptedEngine({ isWhole, answer: () => ({ answer: "stream: OK\0" }) });
    const { one, two } = twoScanners({ isDeaf: true });
    await one.scans.answer(question(clamd(engine.port)), inline);
    await two.scans.answer(question(clamd(engine.port)), inline);
    assert.equal(engine.requests.length, 2);
  });

  test("know a bounded number of the others' questions", () => {
    const others = new OtherScanners(new KeptVerdicts(), "two", () => undefined);
    for (let i = 0; i <= 10_000; i++)
      others.heard({ v: 1, instance: "one", key: `k${i}`, state: "asked", forMs: 60_000 });
    assert.equal(others.over("k0", 1), undefined);
    assert.notEqual(others.over("k1", 1), undefined);
  });

  test("make nothing of what is no news, or their own", () => {
    const kept = new KeptVerdicts();
    const others = new OtherScanners(kept, "two", () => undefined);
    const verdict = { engine: "malware", name: "" };
    const news = { v: 1, instance: "one", key: "k", state: "scanned", keeps: [{ key: "k", forMs: 1_000 }], verdict };
    for (const told of [undefined, 7, {}, { ...news, v: 2 }, { ...news, verdict: {} }, { ...news, instance: "two" }]) {
      others.heard(told);
      assert.equal(kept.get("k"), undefined);
    }
    others.heard(news);
    assert.deepEqual(kept.get("k"), verdict);
  });

  test("keep to themselves what is very long", async () => {
    const report = "x".repeat(100_000);
    const answer = `SPAMD/1.1 0 EX_OK\r\nSpam: True ; 6.5 / 5.0\r\n\r\n${report}\r\n`;
    await using engine = await startScriptedEngine({ answer: () => ({ answer }) });
    const { one, told } = twoScanners();
    const server = { server: { host: "127.0.0.1", port: engine.port }, protocol: "spamd" as const };
    const limits = { priority: 1, weight: 1, retryMs: 0, timeoutMs: 10_000 };
    const task: ScanTask = { engine: "spam", user: "u", servers: [{ ...server, ...limits }] };
    assert.equal((await one.scans.answer(question(task), inline)).state, "scanned");
    assert.deepEqual(
      told.map(({ state }) => state),
      ["asked", "over"],
    );
  });
});
