import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { startSmtpPeer } from "@postbus/testkit";
import { HostLeases, type HostLeasesOptions } from "../../src/smtp/host-leases.ts";
import { MemoryValues } from "../autoreply/memory-values.ts";
import { hostTerms, Rig, shown, smtpTransport } from "./rig.ts";

const HOST = "mx.b.test";

/** Processes with one store, in which entries end. */
class Fleet {
  nowMs = 0;
  isAway = false;
  readonly #values = new MemoryValues();
  readonly #endsAtMs = new Map<string, number>();

  get values(): HostLeasesOptions["values"] {
    const written = (key: string, revision: number | undefined, ttlMs = Number.POSITIVE_INFINITY) => {
      if (revision !== undefined) this.#endsAtMs.set(key, this.nowMs + ttlMs);
      return revision;
    };
    const read = (key: string) => {
      if (this.isAway) throw new Error("no answer");
      if ((this.#endsAtMs.get(key) ?? Number.POSITIVE_INFINITY) <= this.nowMs) void this.#values.delete(key);
    };
    return {
      create: async (key, value, options) => {
        read(key);
        return written(key, await this.#values.create(key, value, options), options?.ttlMs);
      },
      update: async (key, value, revision, options) => {
        read(key);
        return written(key, await this.#values.update(key, value, revision, options), options?.ttlMs);
      },
    };
  }

  process(holder: string): HostLeases {
    return new HostLeases({ values: this.values, holder, now: () => this.nowMs, renewMs: 5 });
  }
}

const later = () => new Promise((resolve) => setTimeout(resolve, 20));

describe("a host of serialize_hosts in a fleet", () => {
  test("is one process's at one time, whatever others want, and however its name is written", async () => {
    const fleet = new Fleet();
    const [one, other] = [fleet.process("one"), fleet.process("other")];
    assert.deepEqual(await Promise.all([one.take(HOST), one.take(HOST)]), [true, true]);
    assert.equal(one.isHeld(HOST), true);
    assert.equal(await other.take("MX.B.test"), false);
    assert.equal(await other.take("mx2.b.test"), true);
    await Promise.all([one.stop(), other.stop()]);
  });

  test("is another's when it is given back, and then not taken from that one", async () => {
    const fleet = new Fleet();
    const [one, other] = [fleet.process("one"), fleet.process("other")];
    await one.take(HOST);
    one.keepOnly(() => false);
    assert.equal(one.isHeld(HOST), false);
    await later();
    fleet.nowMs += 10;
    assert.equal(await other.take(HOST), true);
    await one.stop();
    await later();
    fleet.nowMs += 5_000;
    assert.equal(await fleet.process("third").take(HOST), false);
    await other.stop();
  });

  test("stays with a process that lives, and leaves one that has died", async () => {
    const fleet = new Fleet();
    const [one, other] = [fleet.process("one"), fleet.process("other")];
    await one.take(HOST);
    for (let i = 0; i < 10; i++) {
      fleet.nowMs += 5_000;
      await later();
    }
    assert.equal(one.isHeld(HOST), true);
    assert.equal(await other.take(HOST), false);
    // A process that is stopped renews nothing; it does not hold the host either, and takes nothing from who comes after it.
    await one.stop();
    const dead = new HostLeases({ values: fleet.values, holder: "dead", now: () => fleet.nowMs, renewMs: 3_600_000 });
    fleet.nowMs += 2_000;
    assert.equal(await dead.take(HOST), true);
    fleet.nowMs += 19_000;
    assert.equal(await other.take(HOST), false);
    fleet.nowMs += 2_000;
    assert.equal(dead.isHeld(HOST), false);
    assert.equal(await other.take(HOST), true);
    dead.keepOnly(() => false);
    await later();
    assert.equal(await fleet.process("third").take(HOST), false);
    await Promise.all([dead.stop(), other.stop()]);
  });

  test("is nobody's while the store does not answer for longer than a lease", async () => {
    const fleet = new Fleet();
    const one = fleet.process("one");
    await one.take(HOST);
    fleet.isAway = true;
    fleet.nowMs += 15_000;
    await later();
    assert.equal(one.isHeld(HOST), true);
    fleet.nowMs += 6_000;
    assert.equal(one.isHeld(HOST), false);
    assert.equal(await one.take(HOST), false);
    await one.stop();
  });
});

test("two processes have one connection to such a host together, and both get their mail there in the end", async () => {
  const fleet = new Fleet();
  let open = 0;
  let most = 0;
  await using peer = await startSmtpPeer({
    answer: ({ moment }) => {
      if (moment === "connect") most = Math.max(most, ++open);
      if (moment === "QUIT") open--;
      return moment === "end of data" ? { reply: "250 ok", afterMs: 50 } : undefined;
    },
  });
  const transport = smtpTransport(peer.port, { finalTimeoutMs: 10_000, terms: hostTerms({ isSerialized: true }) });
  await using one = new Rig({ leases: fleet.process("one"), idleMs: 0 });
  await using other = new Rig({ leases: fleet.process("other"), idleMs: 0 });
  const send = (rig: Rig) => rig.deliver(transport).then(({ results: [result] }) => shown(result));
  const first = Array.from({ length: 4 }, () => send(one));
  assert.equal(await send(other), "deferred (-54): connection limit reached for all hosts for 'b.test'");
  for (const sent of await Promise.all(first)) assert.match(sent, /^delivered/);
  // Not until the first has seen that it needs the host no more.
  const deadline = performance.now() + 30_000;
  let last = "";
  while (!last.startsWith("delivered") && performance.now() < deadline) {
    fleet.nowMs += 1_500;
    await later();
    last = await send(other);
  }
  assert.match(last, /^delivered/);
  assert.deepEqual([most, peer.messages.length], [1, 5]);
});

for (const [name, isOthers, want] of [
  ["is taken again for what waits", false, /^delivered/],
  ["is somebody else's then, and what waits is put off", true, /^deferred \(-54\): connection limit reached/],
] as const) {
  test(`a host whose lease has ended while a message was under way ${name}`, async () => {
    const fleet = new Fleet();
    const data = Promise.withResolvers<void>();
    await using peer = await startSmtpPeer({
      answer: ({ moment, connection }) => {
        if (moment === "end of data") data.resolve();
        // In this time, the lease ends.
        return moment === "end of data" && connection === 1 ? { reply: "250 ok", afterMs: 2_000 } : undefined;
      },
    });
    const transport = smtpTransport(peer.port, { finalTimeoutMs: 10_000, terms: hostTerms({ isSerialized: true }) });
    await using rig = new Rig({ leases: fleet.process("one") });
    const send = () => rig.deliver(transport).then(({ results: [result] }) => shown(result));
    const first = send();
    await data.promise;
    const second = send();
    await later();
    fleet.isAway = true;
    fleet.nowMs += 21_000;
    await later();
    fleet.isAway = false;
    const other = fleet.process("other");
    if (isOthers) assert.equal(await other.take("127.0.0.1"), true);
    assert.match(await first, /^delivered/);
    assert.match(await second, want);
    await other.stop();
  });
}
