import assert from "node:assert/strict";
import { test } from "node:test";
import type { MailEvent, Rejected } from "@postbus/contracts";
import { pino } from "pino";
import { Rejections } from "../src/rejections.ts";

const log = pino({ level: "silent" });
const event = (id: number): Rejected => ({
  v: 1,
  id: String(id),
  atMs: 0,
  service: "gateway",
  name: "smtp:reject",
  clientAddress: "192.0.2.1",
  text: "rejected",
});

test("what waits is recorded before the end, in order", async () => {
  const recorded: MailEvent[] = [];
  const rejections = new Rejections({ record: async (events) => void recorded.push(...events) }, log);
  for (let i = 0; i < 250; i++) rejections.add(event(i));
  await rejections.stop();
  assert.deepEqual(
    recorded.map(({ id }) => Number(id)),
    Array.from({ length: 250 }, (_, i) => i),
  );
});

test("a flood is cut, not kept", async () => {
  const recorded: MailEvent[] = [];
  const rejections = new Rejections({ record: async (events) => void recorded.push(...events) }, log);
  for (let i = 0; i < 5_000; i++) rejections.add(event(i));
  await rejections.stop();
  // What is being recorded, and what may wait for it.
  assert.equal(recorded.length, 1_100);
});

test("what comes steadily is recorded, however much it is", async () => {
  const recorded: MailEvent[] = [];
  const rejections = new Rejections({ record: async (events) => void recorded.push(...events) }, log);
  for (let i = 0; i < 5_000; i++) {
    rejections.add(event(i));
    if (i % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await rejections.stop();
  assert.equal(recorded.length, 5_000);
});

test("a bus that is away costs the events, nothing else", async () => {
  const rejections = new Rejections({ record: () => Promise.reject(new Error("away")) }, log);
  rejections.add(event(1));
  await rejections.stop();
});
