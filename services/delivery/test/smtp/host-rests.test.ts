import assert from "node:assert/strict";
import { test } from "node:test";
import { HostRests } from "../../src/smtp/host-rests.ts";

const HOST = "T:mx.test:10.0.0.1";
const LATER = "SMTP error from remote mail server after end of data: 451 later";

test("421 gives a host a rest, which grows while it goes on, up to ten minutes", () => {
  const rests = new HostRests();
  const lengths: number[] = [];
  for (let nowMs = 0; lengths.length < 7; ) {
    rests.putOff(HOST, "SMTP error from remote mail server after MAIL FROM:<>: 421 4.7.0 slow down", nowMs);
    const untilMs = rests.until(HOST, nowMs) ?? nowMs;
    lengths.push((untilMs - nowMs) / 1_000);
    nowMs = untilMs;
  }
  assert.deepEqual(lengths, [30, 60, 120, 240, 480, 600, 600]);
});

test("other 4xx do so when there are ten of them, without a success between", () => {
  const rests = new HostRests();
  for (let i = 0; i < 9; i++) rests.putOff(HOST, LATER, 0);
  rests.took(HOST);
  for (let i = 0; i < 9; i++) rests.putOff(HOST, LATER, 0);
  assert.equal(rests.until(HOST, 0), undefined);
  rests.putOff(HOST, LATER, 0);
  assert.equal(rests.until(HOST, 0), 30_000);
  assert.equal(rests.until("T:other:10.0.0.2", 0), undefined);
});

test("what was under way when the rest began does not lengthen it", () => {
  const rests = new HostRests();
  for (let i = 0; i < 100; i++) rests.putOff(HOST, ": 421 busy", i);
  assert.equal(rests.until(HOST, 100), 30_000);
});
