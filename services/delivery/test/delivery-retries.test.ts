import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { DeliveryItem, Recipient } from "@postbus/contracts";
import type { CompiledTransport } from "@postbus/policy";
import {
  AddressRetries,
  type AttemptResult,
  DEFAULT_QUEUE_RULES,
  RetryRecords,
  type RetryStep,
  retryKeys,
} from "@postbus/queue";
import { DeliveryRetries } from "../src/delivery-retries.ts";
import { MemoryValues } from "./autoreply/memory-values.ts";
import { deliveryItem } from "./smtp/rig.ts";

const MINUTE = 60_000;
const T0 = 1_795_224_996_000;
const RULE: readonly RetryStep[] = [{ kind: "F", cutoffMs: 60 * MINUTE, intervalMs: 15 * MINUTE }];
const FULL: AttemptResult = { outcome: "deferred", errno: -22, text: "mailbox is full" };

/** Deliveries of a transport, each by another replica. */
class Deliveries {
  nowMs = T0;
  readonly #values = new MemoryValues();
  readonly transport: Pick<CompiledTransport, "driver" | "isRetriedByLocalPart">;

  constructor(transport: Deliveries["transport"]) {
    this.transport = transport;
  }

  get stored(): number {
    return this.#values.entries.size;
  }

  /** @returns how many reads have been under way at one time. */
  slow(): { most: number } {
    const counted = { most: 0 };
    let open = 0;
    const get = this.#values.get.bind(this.#values);
    this.#values.get = async (key) => {
      counted.most = Math.max(counted.most, ++open);
      await new Promise((resolve) => setImmediate(resolve));
      open--;
      return get(key);
    };
    return counted;
  }

  of(item: DeliveryItem): DeliveryRetries {
    const records = new RetryRecords({
      ...{ values: this.#values, expireMs: () => 100 * MINUTE, now: () => this.nowMs },
      onTrouble: (err) => assert.fail(String(err)),
    });
    const retries = new AddressRetries({ records, rules: () => DEFAULT_QUEUE_RULES });
    return new DeliveryRetries(retries, item, this.transport, this.nowMs);
  }

  /** @returns the recipient as it comes back. */
  async ended(recipient: Recipient, result: AttemptResult, changes: Partial<DeliveryItem> = {}): Promise<Recipient> {
    const item = { ...deliveryItem([]), recipients: [recipient], ...changes };
    const steps = new Map([[recipient.address, RULE]]);
    const [end] = await this.of(item).remembered([{ recipient, result }], steps, this.nowMs, () => 0);
    const retryKey = end?.result.outcome === "deferred" ? end.result.retryKey : undefined;
    const { retryKey: _, ...rest } = recipient;
    return retryKey === undefined ? rest : { ...rest, retryKey };
  }

  async isPutOff(recipient: Recipient, changes: Partial<DeliveryItem> = {}): Promise<boolean> {
    const item = { ...deliveryItem([]), recipients: [recipient], attempt: 2, ...changes };
    const [result] = (await this.of(item).putOff(() => RULE)) ?? [];
    if (result === undefined) return false;
    assert.partialDeepStrictEqual(result, { outcome: "deferred", errno: -53, text: "Retry time not yet reached" });
    return true;
  }
}

describe("after a local delivery that was deferred", () => {
  test("that address waits, whatever the message; new mail is tried, and what an operator wants", async () => {
    const deliveries = new Deliveries({ driver: "appendfile", isRetriedByLocalPart: true });
    const ann = await deliveries.ended({ address: "Ann@b.test" }, FULL);
    assert.equal(ann.retryKey, "T:ann@b.test");
    assert.equal(await deliveries.isPutOff(ann), true);
    assert.equal(await deliveries.isPutOff({ ...ann, address: "bob@b.test" }), false);
    assert.equal(await deliveries.isPutOff(ann, { attempt: 1 }), false);
    assert.equal(await deliveries.isPutOff(ann, { isForced: true }), false);
    assert.equal(await deliveries.isPutOff(ann, { isResumed: true }), false);
    deliveries.nowMs += 15 * MINUTE;
    assert.equal(await deliveries.isPutOff(ann), false);
  });

  test("a slow store holds up all recipients together no longer than one", async () => {
    const deliveries = new Deliveries({ driver: "appendfile", isRetriedByLocalPart: true });
    const addresses = Array.from({ length: 20 }, (_, i) => `r${i}@b.test`);
    const recipients: Recipient[] = [];
    for (const address of addresses) recipients.push(await deliveries.ended({ address }, FULL));
    const counted = deliveries.slow();
    const item = { ...deliveryItem([]), recipients, attempt: 2 };
    const waiting = await deliveries.of(item).putOff(() => RULE);
    assert.equal(waiting?.filter((result) => result !== undefined).length, addresses.length);
    assert.equal(counted.most, addresses.length);
    counted.most = 0;
    const attempted = recipients.map((recipient) => ({ recipient, result: FULL }));
    const steps = new Map(addresses.map((address) => [address, RULE]));
    await deliveries.of(item).remembered(attempted, steps, deliveries.nowMs, () => 0);
    assert.equal(counted.most, addresses.length);
  });

  test("with retry_use_local_part = false, the whole domain waits", async () => {
    const deliveries = new Deliveries({ driver: "lmtp", isRetriedByLocalPart: false });
    const ann = await deliveries.ended({ address: "ann@b.test" }, FULL);
    assert.equal(ann.retryKey, "T:b.test");
    assert.equal(await deliveries.isPutOff({ ...ann, address: "bob@b.test" }), true);
  });

  test("a pipe waits, not the address that names it", async () => {
    const deliveries = new Deliveries({ driver: "pipe", isRetriedByLocalPart: true });
    const recipient = { address: "|/bin/x", origin: { parents: ["ann@b.test"], item: "pipe" as const } };
    const pipe = await deliveries.ended(recipient, FULL, { to: "pipe" });
    assert.equal(pipe.retryKey, "T:|/bin/x:ann@b.test");
    assert.equal(await deliveries.isPutOff(pipe, { to: "pipe" }), true);
  });

  test("a message that is too old to wait is tried", async () => {
    const deliveries = new Deliveries({ driver: "appendfile", isRetriedByLocalPart: true });
    const ann = await deliveries.ended({ address: "ann@b.test" }, FULL);
    assert.equal(await deliveries.isPutOff(ann, { receivedAtMs: T0 - 61 * MINUTE }), false);
  });
});

const ends: readonly { readonly name: string; readonly result: AttemptResult; readonly stored: number }[] = [
  { name: "a success wipes it out", result: { outcome: "delivered" }, stored: 0 },
  { name: "so does a failure for good", result: { outcome: "failed", text: "no" }, stored: 0 },
  { name: "and an error of the configuration", result: { outcome: "deferred", errno: -30, text: "no" }, stored: 0 },
  { name: "the same failure does not", result: FULL, stored: 1 },
];
describe("what is remembered of an address", () => {
  for (const { name, result, stored } of ends) {
    test(name, async () => {
      const deliveries = new Deliveries({ driver: "appendfile", isRetriedByLocalPart: true });
      const ann = await deliveries.ended({ address: "ann@b.test" }, FULL);
      assert.equal(deliveries.stored, 1);
      await deliveries.ended(ann, result);
      assert.equal(deliveries.stored, stored);
    });
  }

  test("is known by the process that has met the failure, so that others' new mail wipes it out, too", async () => {
    const deliveries = new Deliveries({ driver: "smtp" });
    const item = deliveryItem(["r@b.test"]);
    const [recipient = { address: "" }] = item.recipients;
    const here = deliveries.of(item);
    assert.equal(here.isIdle([{ outcome: "delivered" }]), true);
    const retryKey = retryKeys.addressAndSender("r@b.test", item.returnPath);
    const later: AttemptResult = { outcome: "deferred", errno: -44, text: "450 later", retryKey };
    await here.remembered([{ recipient, result: later }], new Map([["r@b.test", RULE]]), T0, () => 0);
    assert.equal(here.isIdle([{ outcome: "delivered" }]), false);
    await here.remembered([{ recipient, result: { outcome: "delivered" } }], new Map(), T0, () => 0);
    assert.equal(deliveries.stored, 0);
  });
});
