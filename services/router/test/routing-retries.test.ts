import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Recipient, RouteItem } from "@postbus/contracts";
import { AddressRetries, type Attempted, DEFAULT_QUEUE_RULES, RetryRecords, type RetryStep } from "@postbus/queue";
import type { RoutingDeferral, RoutingOutcome } from "@postbus/routing";
import { RoutingRetries } from "../src/routing-retries.ts";

const MINUTE = 60_000;
const T0 = 1_795_225_000_000;
const RULE: readonly RetryStep[] = [{ kind: "F", cutoffMs: 60 * MINUTE, intervalMs: 15 * MINUTE }];

/** Messages, one after the other, at one router process. */
class Messages {
  nowMs = T0;
  readonly #retries: AddressRetries;
  /** Reads of the store that were under way at one time. */
  mostReads = 0;
  #reads = 0;

  constructor() {
    const nothing = async () => undefined;
    const get = async () => {
      this.mostReads = Math.max(this.mostReads, ++this.#reads);
      await new Promise((resolve) => setImmediate(resolve));
      this.#reads--;
      return undefined;
    };
    const values = { get, put: async () => 1, delete: nothing };
    const records = new RetryRecords({
      ...{ values, expireMs: () => 100 * MINUTE, now: () => this.nowMs },
      onTrouble: (err) => assert.fail(String(err)),
    });
    this.#retries = new AddressRetries({ records, rules: () => DEFAULT_QUEUE_RULES });
  }

  message(changes: Partial<RouteItem> = {}): RoutingRetries {
    const item: RouteItem = {
      ...{ v: 1, messageId: "1vMhGf-0000000012a-0Ab3", returnPath: "s@x.test", recipients: [], attempt: 2 },
      ...{ receivedAtMs: T0, queuedAtMs: T0, reception: { protocol: "esmtp", size: 1 } },
      ...changes,
    };
    return new RoutingRetries(this.#retries, item, { retryRule: () => RULE }, { nowMs: this.nowMs, random: () => 0 });
  }

  /** @returns the name that is remembered. */
  async fail(
    address: string,
    failing: RoutingDeferral["failing"],
    before: Partial<Recipient> = {},
  ): Promise<Recipient> {
    const recipient = { address, ...before };
    const one: Attempted = { recipient, result: { outcome: "deferred", errno: -36, text: "no DNS" } };
    const { result } = await this.message().failed(one, failing, RULE, this.nowMs);
    const retryKey = result.outcome === "deferred" ? result.retryKey : undefined;
    return retryKey === undefined ? recipient : { ...recipient, retryKey };
  }
}

const delivered = (address: string): RoutingOutcome => ({ kind: "fail", address, parents: [] }) as never;

describe("after a router has deferred", () => {
  test("by the domain alone, whatever else is for that domain waits, and is told so in Exim's words", async () => {
    const messages = new Messages();
    assert.equal((await messages.fail("a@b.test", "domain")).retryKey, "R:b.test");
    messages.nowMs += MINUTE;
    const waiting = await messages.message().putOff({ address: "other@B.test" });
    assert.partialDeepStrictEqual(waiting, {
      outcome: { kind: "defer", errno: -52, text: "retry time not reached", router: undefined },
      stand: { nextTryAtMs: T0 + 15 * MINUTE, areAllSkipped: true },
    });
    assert.equal(await messages.message().putOff({ address: "a@c.test" }), undefined);
    messages.nowMs += 14 * MINUTE;
    assert.equal(await messages.message().putOff({ address: "other@b.test" }), undefined);
  });

  test("by the local part, too, that address waits", async () => {
    const messages = new Messages();
    const failed = await messages.fail("a@b.test", "address");
    assert.equal(failed.retryKey, "R:a@b.test");
    assert.notEqual(await messages.message().putOff(failed), undefined);
    assert.equal(await messages.message().putOff({ address: "other@b.test" }), undefined);
  });

  test("new mail is tried, and what an operator wants", async () => {
    const messages = new Messages();
    const failed = await messages.fail("a@b.test", "domain");
    assert.equal(await messages.message({ attempt: 1 }).putOff(failed), undefined);
    assert.equal(await messages.message({ isForced: true }).putOff(failed), undefined);
    assert.equal(await messages.message({ isResumed: true }).putOff(failed), undefined);
  });

  test("a message that is too old to wait is tried, so that it comes to its end", async () => {
    const messages = new Messages();
    const failed = await messages.fail("a@b.test", "address");
    const old = messages.message({ receivedAtMs: T0 - 61 * MINUTE });
    assert.equal(await old.putOff(failed), undefined);
    const ofDomain = await messages.fail("a@b.test", "domain");
    assert.notEqual(await old.putOff(ofDomain), undefined, "not because of its domain, as in Exim");
  });

  test("a domain that has failed for too long is tried, and then fails", async () => {
    const messages = new Messages();
    await messages.fail("a@b.test", "domain");
    messages.nowMs += 61 * MINUTE;
    const failed = await messages.fail("a@b.test", "domain");
    assert.equal(await messages.message().putOff(failed), undefined);
  });

  test("what routes ends the waiting of the others", async () => {
    const messages = new Messages();
    const failed = await messages.fail("a@b.test", "domain");
    messages.message({ attempt: 1 }).routed({ address: "new@b.test" }, [delivered("new@b.test")]);
    assert.equal(await messages.message().putOff(failed), undefined);
  });

  test("no router being to blame, it is nobody else's", async () => {
    const messages = new Messages();
    const { retryKey } = await messages.fail("a@b.test", undefined);
    assert.equal(retryKey, undefined);
  });
});

describe("the store is asked for all recipients at once", () => {
  const recipients = Array.from({ length: 20 }, (_, i) => ({
    address: `r@b${i}.test`,
    retryKey: `R:r@b${i}.test`,
  }));

  test("before they are routed again: for domains and addresses", async () => {
    const messages = new Messages();
    await messages.message({ recipients }).lookAhead();
    assert.equal(messages.mostReads, 40);
    for (const one of recipients) assert.equal(await messages.message().putOff(one), undefined);
  });

  test("but not for new mail", async () => {
    const messages = new Messages();
    await messages.message({ recipients, attempt: 1 }).lookAhead();
    await messages.message({ recipients, isForced: true }).lookAhead();
    assert.equal(messages.mostReads, 0);
  });

  test("and when they have failed", async () => {
    const messages = new Messages();
    await messages.message().lookAheadOf(recipients.map((one) => [one, "domain"] as const));
    assert.equal(messages.mostReads, 20);
  });
});
