import assert from "node:assert/strict";
import { test } from "node:test";
import type { WaitingItem } from "@postbus/bus";
import { ReturnedHosts } from "../src/returned-hosts.ts";

const HOST = "T:mx.test:10.0.0.1";

/** Deferred items, one for each address; an address with a `!` has not been tried. */
class Queue {
  readonly taken: string[] = [];
  readonly warnings: unknown[] = [];
  readonly #items: readonly WaitingItem[];
  /** What `counts` says, one after the other. */
  ready: number[] = [];

  /** Of items whose header was changed, what is new in it. */
  readonly revised = new Map<string, unknown>();

  /** @param more Of the recipient and the item, by its position. */
  constructor(
    addresses: readonly string[],
    more: readonly { suspended?: string; waitsFor?: readonly string[]; queuedAtMs?: number }[] = [],
  ) {
    this.#items = addresses.map((address, i) => ({
      ...{ id: String(i).padStart(6, "0"), messageId: "m", queue: "route", state: "deferred", size: 1 },
      header: {
        queuedAtMs: more[i]?.queuedAtMs ?? 0,
        recipients: [
          {
            address: address.replace("!", ""),
            ...(address.includes("!") ? {} : { lastError: "down" }),
            ...(more[i]?.suspended === undefined ? {} : { suspended: more[i].suspended }),
            ...(more[i]?.waitsFor === undefined ? {} : { waitsFor: more[i].waitsFor }),
          },
        ],
      },
    }));
  }

  readonly hosts = new ReturnedHosts({
    waiting: {
      list: async ({ after = "", limit }) => this.#items.filter(({ id }) => id > after).slice(0, limit),
      counts: async () => ({ route: this.ready.shift() ?? 0, deliver: 0, deferred: 0, frozen: 0 }),
      takeNow: async (id) => this.taken.push(id) > 0,
      revise: async (id, header) => this.revised.set(id, header).size > 0,
    },
    log: { info: () => {}, warn: (problem: unknown) => void this.warnings.push(problem) },
  });
}

test("what waits for a host that is back is released: of its domains, and tried before", async () => {
  const queue = new Queue(["a@b.test", "a@c.test", "a!@b.test", "z@b.test"]);
  queue.hosts.skipped(HOST, "b.test", 1);
  queue.hosts.isUp("T:other:10.0.0.2");
  await queue.hosts.settled();
  assert.deepEqual(queue.taken, []);
  queue.hosts.isUp(HOST);
  queue.hosts.isUp(HOST);
  await queue.hosts.settled();
  assert.deepEqual(queue.taken, ["000000", "000003"]);
});

test("a long backlog is released page by page, and only while little is ready", async () => {
  const queue = new Queue(Array.from({ length: 2_500 }, (_, i) => `u${i}@b.test`));
  queue.ready = [10_000, 700, 0];
  queue.hosts.skipped(HOST, "b.test", 1);
  queue.hosts.isUp(HOST);
  await queue.hosts.settled();
  assert.equal(new Set(queue.taken).size, 2_500);
  assert.deepEqual(queue.ready, []);
});

test("the more waits, the more it is spread; a new try of the host begins anew", () => {
  const { hosts } = new Queue([]);
  const spreads = Array.from({ length: 100 }, () => hosts.skipped(HOST, "b.test", 1));
  assert.deepEqual([spreads[0], spreads[99]], [20, 2_000]);
  assert.equal(hosts.skipped(HOST, "b.test", 2), 20);
});

test("behind a suspension, whatever waits for the domain is tried, also what nobody has looked at since; once", async () => {
  const queue = new Queue(["a@b.test", "a@c.test", "a!@b.test", "z@b.test"], [{}, {}, {}, { queuedAtMs: 11 }]);
  queue.hosts.resumed("b.test", 10);
  await queue.hosts.settled();
  assert.deepEqual(queue.taken, ["000000"]);
  assert.partialDeepStrictEqual(queue.revised.get("000000"), { isResumed: true, queuedAtMs: 0 });
});

for (const target of ["mx.test", "10.0.0.1"]) {
  test(`the same for a host, by name or address (${target})`, async () => {
    const queue = new Queue(
      ["a@b.test", "a@c.test", "a@d.test", "a@e.test"],
      [
        { waitsFor: [HOST] },
        { waitsFor: ["T:other.test:10.0.0.11"] },
        { suspended: target },
        { waitsFor: ["T:other.test:10.0.0.11", `${HOST}:2525`] },
      ],
    );
    queue.hosts.resumed(target, 10);
    await queue.hosts.settled();
    assert.deepEqual(queue.taken, ["000000", "000002", "000003"]);
  });
}

test("after a start, what waits for a suspension that has ended meanwhile is tried", async () => {
  const queue = new Queue(["a@b.test", "a@c.test", "a@d.test"], [{ suspended: "b.test" }, { suspended: "c.test" }]);
  queue.hosts.started((target) => target === "c.test");
  await queue.hosts.settled();
  assert.deepEqual(queue.taken, ["000000"]);
  assert.partialDeepStrictEqual(queue.revised.get("000000"), { isResumed: true });
});
