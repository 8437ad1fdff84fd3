import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Entry } from "@postbus/bus";
import type { Suspension } from "@postbus/contracts";
import type { SmtpTransport } from "@postbus/policy";
import {
  AddressRetries,
  DEFAULT_QUEUE_RULES,
  type HostsStand,
  RetryRecords,
  type RetryStep,
  Suspensions,
} from "@postbus/queue";
import { freePort, type SmtpPeerOptions, startSmtpPeer } from "@postbus/testkit";
import { ReturnedHosts } from "../../src/returned-hosts.ts";
import { HostRates } from "../../src/smtp/host-rates.ts";
import { HostRests } from "../../src/smtp/host-rests.ts";
import { Suspended } from "../../src/suspended.ts";
import { Rig, type SendOptions, shown, smtpTransport } from "./rig.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const T0 = 1_795_225_000_000;
const RULE: readonly RetryStep[] = [{ kind: "F", cutoffMs: 2 * HOUR, intervalMs: 15 * MINUTE }];
const NOT_YET = "deferred (-54): retry time not reached for any host for 'b.test'";
const REFUSED = "deferred (111): Connection refused";
const FAILING = "failed: all hosts for 'b.test' have been failing for a long time";

const unused = () => assert.fail("nothing is released");

/** Replicas of delivery with one store; each message goes by another of them, so that nothing but the store is remembered. */
class Fleet {
  nowMs = T0;
  readonly asked: unknown[] = [];
  readonly suspensions: Suspension[] = [];
  /** Of one process. */
  readonly rests = new HostRests();
  readonly rates = new HostRates(() => 1);
  /** What the store does before it answers. */
  slowly: (() => Promise<void>) | undefined;
  readonly #entries = new Map<string, unknown>();

  async send(transport: SmtpTransport, item: SendOptions["item"] = {}) {
    const records = new RetryRecords({
      values: {
        get: async (key): Promise<Entry | undefined> => {
          await this.slowly?.();
          return this.#entries.has(key) ? { key, value: this.#entries.get(key), revision: 1 } : undefined;
        },
        put: async (key, value) => this.#entries.set(key, value).size,
        delete: async (key) => void this.#entries.delete(key),
      },
      expireMs: () => 7 * 24 * HOUR,
      now: () => this.nowMs,
      onTrouble: (err) => assert.fail(String(err)),
    });
    const retryRule = (failure: unknown): readonly RetryStep[] => {
      this.asked.push(failure);
      return RULE;
    };
    const waiting = { list: unused, counts: unused, takeNow: unused, revise: unused };
    const returned = new ReturnedHosts({ waiting, log: { info: () => {}, warn: () => {} } });
    const now = () => this.nowMs;
    const values = { list: async () => this.suspensions.map((value) => ({ key: value.target, value, revision: 1 })) };
    const suspensions = await Suspensions.start({
      values,
      now,
      onKnown: () => undefined,
      onEnd: unused,
      onTrouble: unused,
    });
    await suspensions.stop();
    const suspended = new Suspended({ suspensions, returned, now });
    const retries = {
      rests: this.rests,
      rates: this.rates,
      suspensions,
      suspended,
      records,
      messages: new AddressRetries({ records, rules: () => DEFAULT_QUEUE_RULES }),
      returned,
      retryRule,
      rules: () => DEFAULT_QUEUE_RULES,
      now: () => this.nowMs,
      random: () => 0,
    };
    await using rig = new Rig({ retries });
    const { results, notes } = await rig.deliver(transport, { item: { receivedAtMs: this.nowMs, ...item } });
    const [result] = results;
    return { shown: shown(result), notes, result, hosts: result?.outcome === "deferred" ? result.hosts : undefined };
  }
}

const afterMinutes = ({ nextTryAtMs }: HostsStand, nowMs: number) => (nextTryAtMs - nowMs) / MINUTE;

describe("a host that has failed", () => {
  test("is not tried by anybody before its time, then is", async () => {
    const fleet = new Fleet();
    const transport = smtpTransport(await freePort());
    const first = await fleet.send(transport);
    assert.equal(first.shown, REFUSED);
    assert.partialDeepStrictEqual(first.hosts, { areAllSkipped: false, haveTimedOut: false });
    fleet.nowMs += 5 * MINUTE;
    const second = await fleet.send(transport);
    assert.equal(second.shown, NOT_YET);
    assert.ok(second.hosts !== undefined);
    assert.equal(second.hosts.areAllSkipped, true);
    assert.equal(afterMinutes(second.hosts, fleet.nowMs), 10);
    fleet.nowMs += 10 * MINUTE;
    assert.equal((await fleet.send(transport)).shown, REFUSED);
  });

  test("is tried at once when an operator wants it", async () => {
    const fleet = new Fleet();
    const transport = smtpTransport(await freePort());
    await fleet.send(transport);
    assert.equal((await fleet.send(transport, { isForced: true })).shown, REFUSED);
    assert.equal((await fleet.send(transport)).shown, NOT_YET);
    assert.equal((await fleet.send(transport, { isResumed: true })).shown, REFUSED);
  });

  test("is tried for a message whose time is over, so that it comes to its end", async () => {
    const fleet = new Fleet();
    const transport = smtpTransport(await freePort());
    await fleet.send(transport);
    const old = await fleet.send(transport, { receivedAtMs: T0 - 3 * HOUR });
    assert.equal(old.shown, REFUSED);
    assert.equal(old.hosts?.haveTimedOut, true);
  });

  test("is known by name, address and port; retry rules are asked with what is known of the failure", async () => {
    const fleet = new Fleet();
    const port = await freePort();
    await fleet.send(smtpTransport(port), { areMx: true });
    assert.deepEqual(fleet.asked[0], {
      ...{ address: "r@b.test", returnPath: "s@a.test", host: "127.0.0.1", isMx: true, errno: 111, isConnect: true },
    });
    assert.equal((await fleet.send(smtpTransport(port))).shown, NOT_YET);
    assert.equal((await fleet.send(smtpTransport(await freePort()))).shown, REFUSED);
  });

  test("leaves the others to be tried, and a success wipes it out", async () => {
    const fleet = new Fleet();
    let isBusy = true;
    await using sick = await startSmtpPeer({
      answer: ({ moment }) => (isBusy && moment === "connect" ? "421 busy" : undefined),
    });
    await using well = await startSmtpPeer();
    const both = smtpTransport(25, { hosts: [`127.0.0.1::${sick.port}`, `127.0.0.1::${well.port}`] });
    for (const notes of [1, 0]) {
      const sent = await fleet.send(both);
      assert.match(sent.shown, /^delivered/);
      assert.equal(sent.notes.length, notes, "the second message does not ask the busy one");
    }
    isBusy = false;
    fleet.nowMs += 15 * MINUTE;
    assert.match((await fleet.send(both)).shown, /^delivered/);
    fleet.nowMs -= 10 * MINUTE;
    assert.match((await fleet.send(both)).shown, /^delivered/);
    assert.deepEqual([sick.messages.length, well.messages.length], [2, 2]);
  });
});

describe("a message that one of several hosts puts off", () => {
  const later: SmtpPeerOptions["answer"] = ({ moment }) => (moment === "end of data" ? "451 later" : undefined);

  test("waits for its time there, while others go there, and another host is tried when its time has come", async () => {
    const fleet = new Fleet();
    await using slow = await startSmtpPeer({ answer: later });
    const both = smtpTransport(25, { hosts: [`127.0.0.1::${slow.port}`, `127.0.0.1::${await freePort()}`] });
    const first = await fleet.send(both);
    assert.equal(first.shown, REFUSED);
    assert.ok(first.result?.outcome === "deferred" && first.result.retryKey !== undefined);
    assert.match(first.result.retryKey, /^T:127\.0\.0\.1:127\.0\.0\.1:\d+:1vMhGf-0000000012a-0Ab3$/);
    fleet.nowMs += 5 * MINUTE;
    const again = {
      ...{ attempt: 2, receivedAtMs: T0, recipients: [{ address: "r@b.test", retryKey: first.result.retryKey }] },
    };
    const second = await fleet.send(both, again);
    assert.equal(second.shown, NOT_YET);
    assert.equal(slow.connectionCount, 1);
    const other = await fleet.send(both, { messageId: "1vMhGf-0000000012a-0Ab4" });
    assert.equal(slow.connectionCount, 2);
    assert.match(other.shown, /451 later$/);
    fleet.nowMs += 10 * MINUTE;
    assert.equal((await fleet.send(both, again)).shown, REFUSED);
    assert.equal(slow.connectionCount, 3);
  });

  test("waits for the first of them that may be tried", async () => {
    const fleet = new Fleet();
    await using slow = await startSmtpPeer({ answer: later });
    const down = await freePort();
    await fleet.send(smtpTransport(down));
    fleet.nowMs += 5 * MINUTE;
    const both = smtpTransport(25, { hosts: [`127.0.0.1::${down}`, `127.0.0.1::${slow.port}`] });
    const { result } = await fleet.send(both);
    assert.ok(result?.outcome === "deferred" && result.remembered !== undefined);
    assert.equal((result.remembered.nextTryAtMs - fleet.nowMs) / MINUTE, 10);
    assert.equal(result.remembered.hasTimedOut, false);
  });

  test("is remembered nowhere if there is no other host", async () => {
    const fleet = new Fleet();
    await using slow = await startSmtpPeer({ answer: later });
    const { result } = await fleet.send(smtpTransport(slow.port));
    assert.ok(result?.outcome === "deferred");
    assert.equal(result.retryKey, undefined);
  });
});

for (const [name, changes, keys] of [
  ["RCPT", {}, ["R:r@b.test:<s@a.test>"]],
  ["RCPT, with address_retry_include_sender = false", { retriesBySender: false }, ["R:r@b.test"]],
] as const) {
  test(`4xx to ${name} is remembered of the address`, async () => {
    const fleet = new Fleet();
    await using peer = await startSmtpPeer({ answer: ({ moment }) => (moment === "RCPT" ? "450 later" : undefined) });
    const { result } = await fleet.send(smtpTransport(peer.port, changes));
    assert.deepEqual([result?.outcome === "deferred" ? result.retryKey : ""], keys);
  });
}

describe("hosts that have been failing for longer than their rules say", () => {
  /** They fail until they are expired; the next try is then 15 minutes away. */
  async function expired() {
    const fleet = new Fleet();
    const transport = smtpTransport(await freePort());
    for (let minutes = 0; minutes <= 135; minutes += 15) {
      await fleet.send(transport);
      fleet.nowMs += 15 * MINUTE;
    }
    fleet.nowMs -= 14 * MINUTE;
    return { fleet, transport };
  }

  test("are not tried: messages fail at once", async () => {
    const { fleet, transport } = await expired();
    assert.equal((await fleet.send(transport)).shown, `${FAILING} (and retry time not reached)`);
  });

  test("are tried when their time comes; the message that does it times out", async () => {
    const { fleet, transport } = await expired();
    fleet.nowMs += 14 * MINUTE;
    const { shown, hosts } = await fleet.send(transport);
    assert.equal(shown, REFUSED);
    assert.equal(hosts?.haveTimedOut, true);
  });

  test("with no_delay_after_cutoff are tried once for each message", async () => {
    const { fleet, transport } = await expired();
    const impatient = { ...transport, delaysAfterCutoff: false };
    assert.equal((await fleet.send(impatient)).shown, REFUSED);
    const receivedAtMs = fleet.nowMs - MINUTE;
    const again = await fleet.send(impatient, { receivedAtMs });
    assert.equal(again.shown, `${FAILING} and were last tried after this message arrived`);
  });
});

const answers: readonly { name: string; answer: NonNullable<SmtpPeerOptions["answer"]>; isRemembered: boolean }[] = [
  {
    name: "a temporary greeting is the host's",
    answer: ({ moment }) => (moment === "connect" ? "421 busy" : undefined),
    isRemembered: true,
  },
  {
    name: "4xx to RCPT is the address's",
    answer: ({ moment }) => (moment === "RCPT" ? "450 later" : undefined),
    isRemembered: false,
  },
  {
    name: "4xx to the final dot is the message's",
    answer: ({ moment }) => (moment === "end of data" ? "451 later" : undefined),
    isRemembered: false,
  },
];
for (const { name, answer, isRemembered } of answers) {
  test(name, async () => {
    const fleet = new Fleet();
    await using peer = await startSmtpPeer({ answer });
    await fleet.send(smtpTransport(peer.port));
    const { shown } = await fleet.send(smtpTransport(peer.port));
    assert.equal(shown === NOT_YET, isRemembered, shown);
  });
}

test("a host that answers 421 to MAIL gets a rest, and is then asked again", async () => {
  const fleet = new Fleet();
  await using peer = await startSmtpPeer({ answer: ({ moment }) => (moment === "MAIL" ? "421 slow down" : undefined) });
  const transport = smtpTransport(peer.port);
  assert.match((await fleet.send(transport)).shown, /421 slow down$/);
  const { shown, hosts } = await fleet.send(transport);
  assert.equal(shown, NOT_YET);
  assert.ok(hosts !== undefined);
  assert.equal(afterMinutes(hosts, T0), 0.5);
  fleet.nowMs += MINUTE / 2;
  assert.match((await fleet.send(transport)).shown, /421 slow down$/);
});

test("a host that refuses many messages for good does not get one", async () => {
  const fleet = new Fleet();
  await using peer = await startSmtpPeer({ answer: ({ moment }) => (moment === "MAIL" ? "554 spam" : undefined) });
  const transport = smtpTransport(peer.port);
  for (let i = 0; i < 12; i++) assert.match((await fleet.send(transport)).shown, /^failed .*554 spam$/);
});

test("a host gets no more messages than max_rate says; the others wait, and never time out", async () => {
  const fleet = new Fleet();
  await using peer = await startSmtpPeer({});
  const transport = smtpTransport(peer.port, { maxRate: { messages: 2, periodMs: MINUTE } });
  assert.match((await fleet.send(transport)).shown, /^delivered/);
  const { shown, hosts } = await fleet.send(transport, { receivedAtMs: T0 - 9 * HOUR });
  assert.equal(shown, NOT_YET);
  assert.partialDeepStrictEqual(hosts, { nextTryAtMs: T0 + MINUTE / 2, areAllSkipped: true, haveTimedOut: false });
  assert.match((await fleet.send(transport, { isForced: true })).shown, /^delivered/);
  fleet.nowMs += MINUTE / 2;
  assert.match((await fleet.send(transport)).shown, /^delivered/);
  assert.equal(peer.messages.length, 3);
});

test("a host that may not be tried now takes no place of max_rate from others", async () => {
  const fleet = new Fleet();
  let isBusy = true;
  await using peer = await startSmtpPeer({
    answer: ({ moment }) => (isBusy && moment === "connect" ? "421 busy" : undefined),
  });
  const limited = smtpTransport(peer.port, { maxRate: { messages: 1, periodMs: 10 * MINUTE } });
  assert.match((await fleet.send(limited)).shown, /421 busy$/);
  isBusy = false;
  // In time for the rate, too early for the host.
  fleet.nowMs += 11 * MINUTE;
  assert.equal((await fleet.send(limited)).shown, NOT_YET);
  fleet.nowMs += 4 * MINUTE;
  assert.match((await fleet.send(limited)).shown, /^delivered/);
});

test("a slow store is asked about all hosts at once", async () => {
  const fleet = new Fleet();
  const hosts = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"];
  await using peer = await startSmtpPeer();
  const asked: number[] = [];
  let open = 0;
  fleet.slowly = async () => {
    asked.push(++open);
    await new Promise((resolve) => setImmediate(resolve));
    open--;
  };
  const transport = smtpTransport(peer.port, { hosts: ["127.0.0.1"] });
  const item = { hosts: ["127.0.0.1", ...hosts], hostAddresses: ["127.0.0.1", ...hosts] };
  assert.match((await fleet.send(transport, item)).shown, /^delivered/);
  assert.equal(Math.max(...asked), 5);
});

test("a suspended host is not tried, by name or address, until the suspension ends", async () => {
  const fleet = new Fleet();
  await using peer = await startSmtpPeer({});
  const transport = smtpTransport(peer.port);
  const times = { sinceMs: T0, untilMs: T0 + 5 * MINUTE };
  fleet.suspensions.push({ v: 1, target: "127.0.0.1", reason: "moves house", ...times });
  const sent = await fleet.send(transport, { receivedAtMs: T0 - 24 * HOUR });
  assert.equal(sent.shown, "deferred (-54): delivery to 127.0.0.1 is suspended: moves house");
  assert.equal(sent.result?.outcome === "deferred" && sent.result.suspended, "127.0.0.1");
  assert.ok(sent.hosts !== undefined);
  assert.deepEqual([sent.hosts.areAllSkipped, afterMinutes(sent.hosts, T0)], [true, 5]);
  fleet.nowMs += 5 * MINUTE;
  assert.match((await fleet.send(transport)).shown, /^delivered/);
});
