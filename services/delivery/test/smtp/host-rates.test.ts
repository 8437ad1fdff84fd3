import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HostRates } from "../../src/smtp/host-rates.ts";

const HOST = "smtp T:mx.test:10.0.0.1";
const RATE = { messages: 30, periodMs: 60_000 };

describe("max_rate", () => {
  test("lets so many messages go in its time, evenly", () => {
    const rates = new HostRates(() => 1);
    let sent = 0;
    for (let nowMs = 0; nowMs < 60_000; nowMs += 100) if (rates.take(HOST, RATE, nowMs).isTaken) sent++;
    assert.equal(sent, 30);
    assert.deepEqual(rates.take(HOST, RATE, 59_900), { isTaken: false, nextAtMs: 60_000 }, "says when the next may go");
  });

  test("is divided by the processes that deliver", () => {
    const replicas = [new HostRates(() => 3), new HostRates(() => 3), new HostRates(() => 3)];
    let sent = 0;
    for (let nowMs = 0; nowMs < 60_000; nowMs += 100)
      for (const rates of replicas) if (rates.take(HOST, RATE, nowMs).isTaken) sent++;
    assert.equal(sent, 30);
  });

  test("counts each host by itself", () => {
    const rates = new HostRates(() => 1);
    assert.equal(rates.take(HOST, RATE, 0).isTaken, true);
    assert.equal(rates.take("smtp T:other.test:10.0.0.2", RATE, 0).isTaken, true);
    assert.deepEqual(rates.take(HOST, RATE, 0), { isTaken: false, nextAtMs: 2_000 });
  });

  test("a place that was not used is another's, unless it has been given in the meantime", () => {
    const rates = new HostRates(() => 1);
    const unused = rates.take(HOST, RATE, 0);
    rates.giveBack(HOST, unused);
    assert.equal(rates.take(HOST, RATE, 100).isTaken, true);
    rates.giveBack(HOST, unused);
    assert.equal(rates.take(HOST, RATE, 200).isTaken, false);
  });
});
