import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import type { Outcome, WorkItem } from "@postbus/bus";
import type { DeliveryItem } from "@postbus/contracts";
import { ConfigError } from "@postbus/mail";
import type { Transport } from "@postbus/policy";
import { type AttemptResult, defaultReports } from "@postbus/queue";
import { startSmtpPeer } from "@postbus/testkit";
import { pino } from "pino";
import { OnceStore } from "../src/autoreply/once-store.ts";
import { deliveryHandler } from "../src/handler.ts";
import { maildirDeps } from "../src/maildir/maildir-delivery.ts";
import { ProgramPipes } from "../src/programs/program-pipes.ts";
import { ProgramSlots } from "../src/programs/program-slots.ts";
import { AddressCache } from "../src/smtp/address-cache.ts";
import { MemoryValues } from "./autoreply/memory-values.ts";
import { deliveryItem, inline, Rig, smtpTransport } from "./smtp/rig.ts";

const pipes = new ProgramPipes();
after(() => pipes[Symbol.asyncDispose]());

const NOW = 1_795_225_000_000;

interface HandleOptions {
  readonly transport?: Transport;
  readonly work?: Partial<WorkItem>;
  readonly outcomes?: AttemptResult["outcome"][];
}

async function handle(rig: Rig, header: unknown, options: HandleOptions = {}): Promise<Outcome> {
  const { transport, work = {}, outcomes = [] } = options;
  const spool = rig.spool;
  const handler = deliveryHandler({
    policy: () => ({
      primaryHostname: "mx.a.test",
      qualifyDomain: "a.test",
      reports: defaultReports("a.test"),
      retryRule: () => [{ kind: "F", cutoffMs: 86_400_000, intervalMs: 900_000 }],
      transport: () => {
        if (transport === undefined) throw new ConfigError("smarthost_smtp transport not found");
        const { name, driver } = transport;
        return { name, driver, maxRcpt: 100, hasOwnHosts: true, variables: undefined, at: () => transport };
      },
    }),
    readSpooled: (reference) => spool.read(reference),
    smtp: { pool: rig.pool, addresses: new AddressCache(), spool },
    maildir: maildirDeps(spool),
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
  const outcome = await handle(rig, item, { transport: smtpTransport(peer.port), outcomes });
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

test("a local recipient's message goes into the Maildir", async (t) => {
  const root = mkdtempSync(join(tmpdir(), "postbus-delivery-"));
  t.after(() => rmSync(root, { recursive: true }));
  await using rig = new Rig();
  const transport: Transport = { driver: "appendfile", name: "maildir_home", directory: () => join(root, "u1") };
  const outcome = await handle(rig, deliveryItem(["u1@a.test"]), { transport });
  assert.deepEqual(named(outcome), ["msg:delivery u1@a.test"]);
  assert.equal(readdirSync(join(root, "u1/new")).length, 1);
});
