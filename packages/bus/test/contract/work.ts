import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { deliverySubject } from "@postbus/contracts";
import { MAX_HANDLER_FAILURES } from "../../src/index.ts";
import type { Open } from "../contract.ts";
import {
  collect,
  done,
  eventually,
  finish,
  gate,
  newMessageId,
  nothingWaits,
  octetsOf,
  record,
  routeItem,
  textsOf,
} from "../contract-items.ts";

export function workContract(open: Open): void {
  test("an item is handed out as it was published", async (t) => {
    const { bus } = await open(t);
    const seen = await collect(bus, "route");
    const published = routeItem(newMessageId());
    await bus.publish(published);
    await eventually(() => assert.equal(seen.length, 1));
    const [work] = seen;
    assert.ok(work);
    assert.equal(work.id, published.id);
    assert.equal(work.subject, published.subject);
    assert.equal(work.messageId, published.messageId);
    assert.deepEqual(work.header, published.header);
    assert.equal(octetsOf(work), `Subject: ${work.messageId}\r\n\r\nÿ\r\n`);
    assert.equal(work.handedOut, 1);
    await eventually(() => nothingWaits(bus));
  });

  test("an item waits until somebody consumes its queue", async (t) => {
    const { bus } = await open(t);
    const published = routeItem(newMessageId());
    await bus.publish(published);
    const delivered = await collect(bus, "deliver");
    await eventually(async () => assert.equal((await bus.waiting.counts()).route, 1));
    const seen = await collect(bus, "route");
    await eventually(() => assert.equal(seen[0]?.id, published.id));
    assert.deepEqual(delivered, []);
  });

  test("an item is held, and its signal quiet, while its handler works", async (t) => {
    const { bus } = await open(t);
    const states: unknown[] = [];
    await collect(bus, "route", async (work) => {
      states.push(work.isHeld(), work.signal.aborted);
      return done;
    });
    await bus.publish(routeItem(newMessageId()));
    await eventually(() => assert.deepEqual(states, [true, false]));
  });

  test("an id that is already waiting is dropped without an error", async (t) => {
    const { bus } = await open(t);
    const published = routeItem(newMessageId());
    await Promise.all([bus.publish(published), bus.publish(published)]);
    await bus.publish(published);
    await eventually(async () => assert.equal((await bus.waiting.counts()).route, 1));
    const seen = await collect(bus, "route");
    await eventually(() => nothingWaits(bus));
    assert.equal(seen.length, 1);
  });

  test("events of a publication are raised with it", async (t) => {
    const { bus } = await open(t);
    const events = await record(bus);
    const messageId = newMessageId();
    const at = Date.now();
    await bus.publish(routeItem(messageId), [
      { v: 1, id: "1", atMs: at, service: "test", name: "msg:note", messageId, text: "arrived" },
    ]);
    await eventually(() => assert.deepEqual(textsOf(events, messageId), ["arrived"]));
  });

  test("many at once: each is handled exactly once, and never more at a time than asked for", async (t) => {
    const { bus } = await open(t);
    const messages = Array.from({ length: 300 }, newMessageId);
    const handled: string[] = [];
    let running = 0;
    let most = 0;
    await bus.consume("route", { concurrency: 7 }, async (work) => {
      most = Math.max(most, ++running);
      await new Promise(setImmediate);
      running--;
      handled.push(work.messageId);
      return done;
    });
    await Promise.all(messages.map((messageId) => bus.publish(routeItem(messageId))));
    await eventually(() => nothingWaits(bus));
    assert.deepEqual(handled.toSorted(), messages.toSorted());
    assert.ok(most <= 7, `${most} at one time`);
    assert.ok(most > 1, "never two at one time");
  });

  test("a handler that throws gets the item again, and the item says that it was handed out before", async (t) => {
    const { bus } = await open(t);
    const handedOut: number[] = [];
    await collect(bus, "route", async (work) => {
      handedOut.push(work.handedOut);
      if (handedOut.length === 1) throw new Error("not today");
      return done;
    });
    await bus.publish(routeItem(newMessageId()));
    await eventually(() => assert.deepEqual(handedOut, [1, 2]));
    await eventually(() => nothingWaits(bus));
  });

  test("what a handler has noted is there when it gets the item again", async (t) => {
    const { bus } = await open(t);
    const journal = await mkdtemp(join(tmpdir(), "postbus-noted-"));
    t.after(() => rm(journal, { recursive: true, force: true }));
    const remembered: unknown[] = [];
    await bus.consume("deliver", { concurrency: 1, journal }, async (work) => {
      remembered.push(work.remembered);
      if (remembered.length > 1) return done;
      work.remember({ n: 1, text: "ÿ" });
      throw new Error("not today");
    });
    await bus.publish(routeItem(newMessageId(), { subject: deliverySubject("smtp", "example.org") }));
    await eventually(() => assert.deepEqual(remembered, [undefined, { n: 1, text: "ÿ" }]));
    await eventually(() => nothingWaits(bus));
  });

  test("a poisonous item is frozen with the error's text, the others flow", async (t) => {
    const { bus } = await open(t);
    const poison = newMessageId();
    let failures = 0;
    const seen = await collect(bus, "route", async (work) => {
      if (work.messageId !== poison) return finish(work);
      failures++;
      throw new Error("cannot digest this");
    });
    const others = Array.from({ length: 20 }, newMessageId);
    await Promise.all([poison, ...others].map((messageId) => bus.publish(routeItem(messageId))));
    await eventually(async () =>
      assert.deepEqual(await bus.waiting.counts(), { route: 0, deliver: 0, deferred: 0, frozen: 1 }),
    );
    const [frozen] = await bus.waiting.list({ state: "frozen", limit: 10 });
    assert.equal(frozen?.messageId, poison);
    assert.match(frozen.reason ?? "", /cannot digest this/);
    assert.equal(failures, MAX_HANDLER_FAILURES);
    assert.equal(new Set(seen.map((work) => work.messageId)).size, 21);
  });

  test("drain waits for the running handlers and leaves the rest waiting", async (t) => {
    const { bus } = await open(t);
    const held = gate();
    const entered = gate();
    const handled: string[] = [];
    const subscription = await bus.consume("route", { concurrency: 1 }, async (work) => {
      entered.open();
      await held.opened;
      handled.push(work.id);
      return done;
    });
    await bus.publish(routeItem(newMessageId()));
    await bus.publish(routeItem(newMessageId()));
    await entered.opened;
    let drained = false;
    const draining = subscription.drain().then(() => {
      drained = true;
    });
    await new Promise(setImmediate);
    assert.equal(drained, false);
    held.open();
    await draining;
    assert.equal(handled.length, 1);
    await eventually(async () => assert.equal((await bus.waiting.counts()).route, 1));
    const rest = await collect(bus, "route");
    await eventually(() => assert.equal(rest.length, 1));
    assert.notEqual(rest[0]?.id, handled[0]);
  });

  test("a healthy bus says so", async (t) => {
    const { bus } = await open(t);
    assert.equal((await bus.health()).ok, true);
  });
}
