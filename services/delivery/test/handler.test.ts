import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { after, describe, test } from "node:test";
import type { Outcome, WorkItem } from "@postbus/bus";
import type { DeliveryItem } from "@postbus/contracts";
import { ConfigError } from "@postbus/mail";
import type { Transport } from "@postbus/policy";
import { type AttemptResult, defaultReports, Suspensions } from "@postbus/queue";
import { startSmtpPeer } from "@postbus/testkit";
import { pino } from "pino";
import { mailboxDeps } from "../src/appendfile/mailbox-deps.ts";
import { OnceStore } from "../src/autoreply/once-store.ts";
import { deliveryHandler } from "../src/handler.ts";
import { ProgramPipes } from "../src/programs/program-pipes.ts";
import { ProgramSlots } from "../src/programs/program-slots.ts";
import { ReturnedHosts } from "../src/returned-hosts.ts";
import { AddressCache } from "../src/smtp/address-cache.ts";
import { Suspended } from "../src/suspended.ts";
import { Mailboxes } from "./appendfile/mailboxes.ts";
import { MemoryValues } from "./autoreply/memory-values.ts";
import { deliveryItem, inline, Rig, smtpTransport } from "./smtp/rig.ts";

const pipes = new ProgramPipes();
after(() => pipes[Symbol.asyncDispose]());

const NOW = 1_795_225_000_000;

interface HandleOptions {
  readonly transport?: Transport;
  readonly work?: Partial<WorkItem>;
  readonly outcomes?: AttemptResult["outcome"][];
  readonly suspended?: Suspended;
}

async function handle(rig: Rig, header: unknown, options: HandleOptions = {}): Promise<Outcome> {
  const { transport, work = {}, outcomes = [], suspended } = options;
  const spool = rig.spool;
  const handler = deliveryHandler({
    policy: () => ({
      primaryHostname: "mx.a.test",
      qualifyDomain: "a.test",
      reports: defaultReports("a.test"),
      // Nobody wants to know.
      events: { main: undefined, ofTransport: () => undefined },
      retryRule: () => [{ kind: "F", cutoffMs: 86_400_000, intervalMs: 900_000 }],
      transport: () => {
        if (transport === undefined) throw new ConfigError("smarthost_smtp transport not found");
        const { name, driver } = transport;
        return { name, driver, maxRcpt: 100, hasOwnHosts: true, variables: undefined, at: () => transport };
      },
    }),
    readSpooled: (reference) => spool.read(reference),
    smtp: { pool: rig.pool, addresses: new AddressCache(), spool },
    mailboxes: mailboxDeps(spool),
    ...(suspended === undefined ? {} : { suspended }),
    programs: { spool, slots: new ProgramSlots(1), pipes, now: () => NOW },
    autoreply: { spool, once: new OnceStore(new MemoryValues(), () => NOW), now: () => NOW },
    metrics: { attempted: (outcome) => void outcomes.push(outcome), worked: () => {} },
    log: pino({ level: "silent" }),
    now: () => NOW,
    random: () => 0,
  });
  return handler({
    id: "1vMhGf-0000000012a-0Ab3_0_1",
    subject: "mail.deliver.0.smtp.b_test",
    messageId: "1vMhGf-0000000012a-0Ab3",
    header,
    content: inline("Subject: x\r\n\r\nhello\r\n"),
    handedOut: 1,
    isHeld: () => true,
    remember: () => {},
    signal: new AbortController().signal,
    ...work,
  });
}

const named = ({ events = [] }: Outcome) =>
  events.map((event) => ("recipient" in event ? `${event.name} ${event.recipient}` : event.name));

test("what was delivered leaves an event and no work; what was not carries on, or makes a bounce", async () => {
  await using rig = new Rig();
  await using peer = await startSmtpPeer({
    answer: ({ line }) => (line.includes("gone@") ? "550 unknown" : line.includes("later@") ? "450 later" : undefined),
  });
  const outcomes: AttemptResult["outcome"][] = [];
  const item = deliveryItem(["ok@b.test", "gone@b.test", "later@b.test"]);
  // Time is not what this is about, and the first test of a process on a busy machine takes long.
  const transport = smtpTransport(peer.port, {
    connectTimeoutMs: 20_000,
    commandTimeoutMs: 20_000,
    finalTimeoutMs: 20_000,
  });
  const outcome = await handle(rig, item, { transport, outcomes });
  assert.deepEqual(outcomes, ["delivered", "failed", "deferred"]);
  assert.deepEqual(named(outcome).slice(0, 3), [
    "msg:delivery ok@b.test",
    "msg:defer later@b.test",
    "msg:fail:delivery gone@b.test",
  ]);
  const [delivered] = outcome.events ?? [];
  assert.partialDeepStrictEqual(delivered, {
    name: "msg:delivery",
    router: "smarthost",
    transport: "smarthost_smtp",
    host: "127.0.0.1",
    hostAddress: "127.0.0.1",
    hostPort: peer.port,
    confirmation: "250 ok",
  });
  const [again, bounce] = outcome.publish ?? [];
  assert.equal(again?.notBeforeMs, NOW + 900_000);
  assert.notEqual(bounce?.messageId, item.messageId);
});

describe("what was done before its end was stored", () => {
  const answer = ({ line }: { line: string }) => (line.includes("gone@") ? "550 unknown" : undefined);

  test("is noted when what follows takes time, and is not done again", async () => {
    await using rig = new Rig();
    await using peer = await startSmtpPeer({ answer });
    const item = deliveryItem(["ok@b.test", "gone@b.test"]);
    const transport = smtpTransport(peer.port);
    const noted: object[] = [];
    const first = await handle(rig, item, { transport, work: { remember: (done) => void noted.push(done) } });
    assert.equal(noted.length, 1);
    const remembered: unknown = JSON.parse(JSON.stringify(noted[0]));
    const again = await handle(rig, item, { transport, work: { handedOut: 2, remembered } });
    assert.equal(peer.messages.length, 1);
    assert.deepEqual(named(again), named(first));
    assert.deepEqual(
      again.publish?.map(({ id }) => id),
      first.publish?.map(({ id }) => id),
    );
  });

  test("is noted before another host is asked for the rest, and whoever goes on asks for the rest only", async () => {
    await using rig = new Rig();
    await using first = await startSmtpPeer({
      answer: ({ line }) => (line.includes("rest@") ? "450 later" : undefined),
    });
    const noted: string[] = [];
    const known: number[] = [];
    await using second = await startSmtpPeer({
      answer: ({ moment }) => {
        if (moment === "RCPT") known.push(noted.length);
        return undefined;
      },
    });
    const item = deliveryItem(["ok@b.test", "rest@b.test"], {
      hosts: [`127.0.0.1::${first.port}`, `127.0.0.1::${second.port}`],
    });
    const transport = smtpTransport(first.port);
    await handle(rig, item, { transport, work: { remember: (done) => void noted.push(JSON.stringify(done)) } });
    assert.deepEqual(known, [1]);
    const again = await handle(rig, item, {
      transport,
      work: { handedOut: 2, remembered: JSON.parse(noted[0] ?? "") },
    });
    assert.deepEqual(
      first.messages.flatMap(({ recipients }) => recipients),
      ["ok@b.test"],
    );
    assert.deepEqual(
      second.messages.map(({ recipients }) => recipients),
      [["rest@b.test"], ["rest@b.test"]],
    );
    assert.deepEqual(named(again), ["msg:note", "msg:delivery ok@b.test", "msg:delivery rest@b.test"]);
  });

  for (const [name, recipients] of [
    ["all have got it: the outcome follows at once", ["ok@b.test", "fine@b.test"]],
    ["nobody has got it: it may be tried again", ["gone@b.test"]],
  ] as const) {
    test(`is not noted where ${name}`, async () => {
      await using rig = new Rig();
      await using peer = await startSmtpPeer({ answer });
      const transport = smtpTransport(peer.port);
      const remember = () => assert.fail("noted");
      await handle(rig, deliveryItem([...recipients]), { transport, work: { remember } });
    });
  }
});

test("recipients of a suspended domain wait, whatever their age; the others are served", async () => {
  await using rig = new Rig();
  await using peer = await startSmtpPeer({});
  const unused = () => assert.fail("nothing is released");
  const value = { v: 1 as const, target: "held.test", reason: "", sinceMs: NOW - 1 };
  const suspensions = await Suspensions.start({
    values: { list: async () => [{ key: "k", value, revision: 1 }] },
    now: () => NOW,
    onKnown: () => undefined,
    onEnd: unused,
    onTrouble: unused,
  });
  await suspensions.stop();
  const waiting = { list: unused, counts: unused, takeNow: unused, revise: unused };
  const returned = new ReturnedHosts({ waiting, log: { info: () => {}, warn: () => {} } });
  const suspended = new Suspended({ suspensions, returned, now: () => NOW });
  const old = { receivedAtMs: NOW - 100 * 86_400_000 };
  const item = deliveryItem(["a@b.test", "b@HELD.test", "c@b.test"], old);
  const outcome = await handle(rig, item, { transport: smtpTransport(peer.port), suspended });
  assert.deepEqual(named(outcome), ["msg:delivery a@b.test", "msg:defer b@HELD.test", "msg:delivery c@b.test"]);
  assert.deepEqual(peer.messages[0]?.recipients, ["a@b.test", "c@b.test"]);
  assert.equal(outcome.publish?.[0]?.notBeforeMs, NOW + 15 * 60_000);
  const none = await handle(rig, deliveryItem(["b@held.test"]), { transport: smtpTransport(peer.port), suspended });
  assert.partialDeepStrictEqual(none.events?.[0], { errno: -23, text: "delivery to held.test is suspended" });
  const [put] = none.publish ?? [];
  assert.partialDeepStrictEqual(put?.header, { recipients: [{ suspended: "held.test" }] });
});

test("what was given up is not delivered any more", async () => {
  const item = { ...deliveryItem(["r@b.test"]), cancelled: "delivery cancelled by administrator" };
  await using rig = new Rig();
  const { events = [] } = await handle(rig, item);
  assert.partialDeepStrictEqual(events[0], {
    name: "msg:fail:delivery",
    text: "delivery cancelled by administrator",
  });
});

test("what was noticed about a host comes before what it led to", async () => {
  await using rig = new Rig();
  await using peer = await startSmtpPeer({ answer: ({ moment }) => (moment === "MAIL" ? "451 busy" : undefined) });
  const outcome = await handle(rig, deliveryItem(["r@b.test"]), { transport: smtpTransport(peer.port) });
  assert.deepEqual(named(outcome), ["msg:note", "msg:defer r@b.test"]);
  assert.partialDeepStrictEqual(outcome.events?.[0], {
    text: "H=127.0.0.1 [127.0.0.1]: SMTP error from remote mail server after pipelined MAIL FROM:<s@a.test> SIZE=1045: 451 busy",
  });
});

test("handling an item again gives the same ids", async () => {
  await using rig = new Rig();
  await using peer = await startSmtpPeer({ answer: ({ moment }) => (moment === "MAIL" ? "451 busy" : undefined) });
  const ids = async () => {
    const { events = [], publish = [] } = await handle(rig, deliveryItem(["r@b.test"]), {
      transport: smtpTransport(peer.port),
    });
    return [...events, ...publish].map(({ id }) => id);
  };
  assert.deepEqual(await ids(), await ids());
});

test("what an earlier holder may have sent is flagged", async () => {
  await using rig = new Rig();
  await using peer = await startSmtpPeer();
  const outcome = await handle(rig, deliveryItem(["r@b.test"]), {
    transport: smtpTransport(peer.port),
    work: { handedOut: 2 },
  });
  assert.partialDeepStrictEqual(outcome.events?.[0], { name: "msg:delivery", possibleDuplicate: true });
});

describe("what cannot be worked on", () => {
  test("does not fit the contract: refused before anything is tried", async () => {
    await using rig = new Rig();
    const item: DeliveryItem = deliveryItem([]);
    await assert.rejects(handle(rig, item), /^Error: item 1vMhGf-\S+ is not a delivery item: \/recipients /);
    await assert.rejects(handle(rig, { ...deliveryItem(["r@b.test"]), v: 99 }));
  });

  test("a transport that the policy does not have: deferred, so that it is routed again", async () => {
    await using rig = new Rig();
    const outcome = await handle(rig, deliveryItem(["r@b.test"]));
    assert.partialDeepStrictEqual(outcome.events, [
      { name: "msg:defer", errno: -30, text: "smarthost_smtp transport not found" },
    ]);
    assert.equal(outcome.publish?.length, 1);
  });

  test("an item that was lost meanwhile: its outcome is somebody else's", async () => {
    await using rig = new Rig();
    await using peer = await startSmtpPeer({ answer: ({ moment }) => (moment === "connect" ? "421 busy" : undefined) });
    const lost = handle(rig, deliveryItem(["r@b.test"]), {
      transport: smtpTransport(peer.port),
      work: { isHeld: () => false },
    });
    await assert.rejects(lost, { name: "LeaseLostError" });
  });
});

test("a local recipient's message goes into the Maildir", async () => {
  using boxes = new Mailboxes();
  await using rig = new Rig();
  const { transport } = await boxes.prepared(" directory = DIR/u1\n maildir_format", {});
  const outcome = await handle(rig, deliveryItem(["u1@a.test"]), { transport });
  assert.deepEqual(named(outcome), ["msg:delivery u1@a.test"]);
  assert.equal(readdirSync(boxes.path("u1/new")).length, 1);
});
