import assert from "node:assert/strict";
import { test } from "node:test";
import { Slots } from "../../src/events/slots.ts";

const never = new AbortController().signal;

test("who finds no room waits for its turn, in order", async () => {
  const slots = new Slots(1);
  await slots.enter(never);
  const order: number[] = [];
  const waiting = [1, 2].map((n) => slots.enter(never).then(() => order.push(n)));
  slots.leave();
  await waiting[0];
  assert.deepEqual(order, [1]);
  slots.leave();
  await waiting[1];
  assert.deepEqual(order, [1, 2]);
});

test("who has no time left leaves the line", async () => {
  const slots = new Slots(1);
  await slots.enter(never);
  const controller = new AbortController();
  const late = slots.enter(controller.signal);
  const next = slots.enter(never);
  controller.abort();
  await assert.rejects(late, /no time left/);
  slots.leave();
  await next;
});

test("more than a thousand do not wait", async () => {
  const slots = new Slots(0);
  for (let i = 0; i < 1_000; i++) void slots.enter(never);
  await assert.rejects(slots.enter(never), /too many/);
});
