import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { deliverySubject } from "@postbus/contracts";
import { type Instant, isLeaseValid, leaseTimes } from "../../src/nats/lease.ts";
import { done, eventually, gate, newMessageId, nothingWaits, routeItem } from "../contract-items.ts";
import { skip, startFleet } from "./fleet.ts";

describe("isLeaseValid", () => {
  const { validMs, renewEveryMs, standstillMs } = leaseTimes(30_000);
  const now = () => ({ monotonicMs: performance.now(), wallMs: Date.now() });
  const ago = (ms: number) => ({ monotonicMs: performance.now() - ms, wallMs: Date.now() - ms });

  test("there is time for two renewals before a lease ends, and for a standstill between its end and ack_wait", () => {
    assert.ok(2 * renewEveryMs < validMs);
    assert.ok(validMs + standstillMs < 30_000);
  });

  // Instants are made when they are asked about: a busy machine may come to it much later than to this line.
  const cases: readonly (readonly [name: string, () => readonly [renewed: Instant, lost?: Instant], boolean])[] = [
    ["fresh", () => [now()], true],
    ["almost over", () => [ago(validMs - 2_000)], true],
    ["over", () => [ago(validMs)], false],
    ["over by the wall clock only: the machine slept", () => [{ ...now(), wallMs: 0 }], false],
    ["over by the monotonic clock only: the clock was set back", () => [{ ...now(), monotonicMs: -1e9 }], false],
    ["the connection is lost just now", () => [now(), now()], true],
    ["the connection is lost for as long as others leave the item alone", () => [now(), ago(3_000)], false],
  ];
  for (const [name, instants, want] of cases) {
    test(name, () => {
      const [renewedAt, disconnectedAt] = instants();
      assert.equal(isLeaseValid(renewedAt, validMs, disconnectedAt), want);
    });
  }
});

describe("a holder that has lost its lease", { skip, concurrency: true }, () => {
  test("sends nothing and ends nothing: a process that was paused, while another has the item", async (t) => {
    const { server, connect } = await startFleet(t, {}, { ackWaitMs: 3_000 });
    const bus = await connect();
    const child = fork(resolve(import.meta.dirname, "paused-holder.ts"), [server.url]);
    t.after(() => child.kill("SIGKILL"));
    const messages: Record<string, unknown>[] = [];
    child.on("message", (message) => messages.push(message as Record<string, unknown>));
    await eventually(() => assert.ok(messages.some((message) => "ready" in message)));

    const messageId = newMessageId();
    await bus.publish(routeItem(messageId, { subject: deliverySubject("smtp", "example.org") }));
    await eventually(() => assert.ok(messages.some((message) => "took" in message)));
    child.kill("SIGSTOP");

    const entered = gate();
    const held = gate();
    const handedOut: number[] = [];
    await bus.consume("deliver", { concurrency: 1 }, async (work) => {
      handedOut.push(work.handedOut);
      entered.open();
      await held.opened;
      assert.equal(work.isHeld(), true);
      return done;
    });
    await entered.opened;
    child.send("go");
    child.kill("SIGCONT");
    await eventually(() =>
      assert.deepEqual(
        messages.filter((message) => "sent" in message),
        [{ sent: false }],
      ),
    );
    // What the paused process returned has had its time to do harm.
    await bus.broadcast("control.nothing", {});
    assert.equal((await bus.waiting.counts()).deliver, 1);
    held.open();
    await eventually(() => nothingWaits(bus));
    assert.equal(handedOut.length, 1);
    // The paused process may have been given it again itself, in between.
    assert.ok((handedOut[0] ?? 0) >= 2);
  });

  test("a process that dies: its item goes to another, which says that it may have been tried", async (t) => {
    const { server, connect } = await startFleet(t, {}, { ackWaitMs: 2_000 });
    const bus = await connect();
    const child = fork(resolve(import.meta.dirname, "paused-holder.ts"), [server.url]);
    t.after(() => child.kill("SIGKILL"));
    const took = new Promise<void>((done) => child.on("message", (m) => "took" in (m as object) && done()));
    await bus.publish(routeItem(newMessageId(), { subject: deliverySubject("smtp", "example.org") }));
    await took;
    child.kill("SIGKILL");
    await once(child, "exit");
    const handedOut: number[] = [];
    await bus.consume("deliver", { concurrency: 1 }, async (work) => {
      handedOut.push(work.handedOut);
      return done;
    });
    await eventually(() => assert.deepEqual(handedOut, [2]));
    await eventually(() => nothingWaits(bus));
  });

  test("a handler that works longer than ack_wait keeps its item", async (t) => {
    const { connect } = await startFleet(t, {}, { ackWaitMs: 2_000 });
    const [first, second] = await Promise.all([connect(), connect()]);
    const handled: boolean[] = [];
    for (const bus of [first, second]) {
      await bus.consume("route", { concurrency: 1 }, async (work) => {
        await delay(3_500);
        handled.push(work.isHeld());
        return done;
      });
    }
    await first.publish(routeItem(newMessageId()));
    await eventually(() => nothingWaits(first));
    assert.deepEqual(handled, [true]);
  });
});
