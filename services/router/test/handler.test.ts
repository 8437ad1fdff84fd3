import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Outcome, WorkItem } from "@postbus/bus";
import { type Content, DeliveryItem, type RouteItem } from "@postbus/contracts";
import { DeferError, domainOf } from "@postbus/mail";
import { compilePolicy, type Policy, type Route } from "@postbus/policy";
import fc from "fast-check";
import { pino } from "pino";
import { Value } from "typebox/value";
import { routerHandler } from "../src/handler.ts";

const NOW = 1_795_000_000_000;
const MESSAGE = "1vMhGf-0000000012a-0Ab3";

const policy = compilePolicy({
  file: "p.conf",
  text: "domainlist local_domains = a.test : b.test\nSMARTHOST = out.test\nSMTP_MAX_RCPT = 3\n",
  macros: new Map(),
  hostname: "mx.test",
  dataDirectory: "/data",
});
const content: Content = { kind: "inline", octets: Buffer.from("Subject: x\r\n\r\n") };

const workOf = (header: unknown): WorkItem => ({
  id: `${MESSAGE}_0_0`,
  subject: "mail.route.0",
  messageId: MESSAGE,
  header,
  content,
  handedOut: 1,
  isHeld: () => true,
  signal: new AbortController().signal,
});

const itemTo = (...addresses: string[]): RouteItem => ({
  v: 1,
  messageId: MESSAGE,
  returnPath: "sender@x.test",
  recipients: addresses.map((address) => ({ address })),
  receivedAtMs: NOW - 2_000,
  queuedAtMs: NOW - 1_000,
  attempt: 1,
  reception: { protocol: "esmtp", size: 12 },
});

function handle(header: unknown, route: (address: string) => Route | Promise<Route> = policy.route): Promise<Outcome> {
  const inForce: Policy = { ...policy, route };
  const handler = routerHandler({
    policy: () => inForce,
    readSpooled: () => assert.fail("there is nothing spooled"),
    metrics: { routed: () => {} },
    log: pino({ level: "silent" }),
    now: () => NOW,
    random: () => 0,
  });
  return handler(workOf(header));
}

const deliveries = ({ publish = [] }: Outcome) =>
  publish
    .filter(({ subject }) => subject.startsWith("mail.deliver."))
    .map(({ header }) => Value.Parse(DeliveryItem, header));
const addresses = (item: { recipients: readonly { address: string }[] }) =>
  item.recipients.map(({ address }) => address);
const names = ({ events = [] }: Outcome) => events.map(({ name }) => name);

describe("a recipient with a route", () => {
  test("of a local domain goes to its Maildir, with everything the message carries", async () => {
    const outcome = await handle(itemTo("ann@A.test"));
    assert.deepEqual(outcome.events ?? [], []);
    assert.deepEqual(outcome.publish, [
      {
        subject: "mail.deliver.0.local.a_test",
        id: `${MESSAGE}_0_1`,
        messageId: MESSAGE,
        header: {
          ...itemTo("ann@A.test"),
          queuedAtMs: NOW,
          router: "local",
          transport: "maildir",
          domain: "a.test",
        },
        content,
      },
    ]);
    assert.equal(outcome.publish?.[0]?.content, content, "content by reference");
  });

  test("of any other domain goes to the smart host", async () => {
    const [publication] = (await handle(itemTo("x@c.test"))).publish ?? [];
    assert.equal(publication?.subject, "mail.deliver.0.smtp.c_test");
  });

  test("with hosts of its own keeps them in their order", async () => {
    const route: Route = { kind: "deliver", router: "r", transport: "smarthost_smtp", hosts: ["b", "a::26"] };
    const [item] = deliveries(await handle(itemTo("x@c.test"), () => route));
    assert.deepEqual(item?.hosts, ["b", "a::26"]);
  });
});

describe("recipients that can be served together", () => {
  test("share an item: one for each local domain, one for the smart host", async () => {
    const to = ["1@a.test", "2@c.test", "3@b.test", "4@a.test", "5@d.test"];
    assert.deepEqual(deliveries(await handle(itemTo(...to))).map(addresses), [
      ["1@a.test", "4@a.test"],
      ["2@c.test", "5@d.test"],
      ["3@b.test"],
    ]);
  });

  test("are split at the transport's limit", async () => {
    const to = ["1@c.test", "2@c.test", "3@c.test", "4@c.test"];
    const outcome = await handle(itemTo(...to));
    assert.deepEqual(
      deliveries(outcome).map(({ recipients }) => recipients.length),
      [3, 1],
    );
  });

  test("are not mixed with those that go by other hosts", async () => {
    const route = (address: string): Route => ({
      kind: "deliver",
      router: "r",
      transport: "smarthost_smtp",
      hosts: [domainOf(address)],
    });
    const items = deliveries(await handle(itemTo("1@c.test", "2@d.test", "3@c.test"), route));
    assert.deepEqual(items.map(addresses), [["1@c.test", "3@c.test"], ["2@d.test"]]);
  });

  test("an address given twice is served once", async () => {
    assert.deepEqual(deliveries(await handle(itemTo("x@c.test", "x@c.test"))).map(addresses), [["x@c.test"]]);
  });
});

describe("a recipient without a route", () => {
  const fail: Route = { kind: "fail", text: "Unrouteable address" };
  const defer: Route = { kind: "defer", router: "lookuphost", text: "host lookup did not complete" };

  test("fails, and the sender gets a bounce; the others go on", async () => {
    const outcome = await handle(itemTo("1@c.test", "2@c.test"), (a) => (a === "1@c.test" ? fail : policy.route(a)));
    assert.deepEqual(deliveries(outcome).map(addresses), [["2@c.test"]]);
    assert.deepEqual(names(outcome), ["msg:fail:delivery", "msg:received"]);
    assert.partialDeepStrictEqual(outcome.publish?.[1]?.header, {
      returnPath: "",
      recipients: [{ address: "sender@x.test" }],
    });
    assert.deepEqual(
      outcome.eventsIfComplete?.map(({ name }) => name),
      ["msg:complete"],
    );
  });

  test("of a bounce is frozen", async () => {
    const outcome = await handle({ ...itemTo("1@c.test"), returnPath: "" }, () => fail);
    assert.deepEqual(names(outcome), ["msg:fail:delivery", "msg:frozen"]);
    assert.equal(outcome.publish?.[0]?.frozen, "delivery error message");
  });

  test("is deferred when the policy says so, and comes back to router", async () => {
    const outcome = await handle(itemTo("1@c.test"), () => defer);
    assert.partialDeepStrictEqual(outcome.events, [
      { name: "msg:defer", router: "lookuphost", errno: -1, text: defer.text },
    ]);
    assert.partialDeepStrictEqual(outcome.publish, [{ subject: "mail.route.0", notBeforeMs: NOW + 15 * 60_000 }]);
  });

  for (const [name, route] of [
    [
      "cannot tell",
      () => {
        throw new DeferError("dns", "no answer");
      },
    ],
    ["cannot tell, later", () => Promise.reject(new DeferError("dns", "no answer"))],
  ] as const) {
    test(`is deferred when the policy ${name}`, async () => {
      assert.deepEqual(names(await handle(itemTo("1@c.test"), route)), ["msg:defer"]);
    });
  }

  test("for a bug in the policy goes back to the bus", async () => {
    await assert.rejects(
      handle(itemTo("1@c.test"), () => {
        throw new TypeError("bug");
      }),
      TypeError,
    );
  });
});

test("what does not fit the contract is refused before anything is routed", async () => {
  await assert.rejects(handle({ ...itemTo("1@c.test"), recipients: [] }), /is not a route item: \/recipients/);
  await assert.rejects(handle({ ...itemTo("1@c.test"), extra: 1 }), /is not a route item/);
});

test("handled again, it gives the same", async () => {
  const item = itemTo("1@a.test", "2@c.test", "../3@a.test");
  assert.deepEqual(await handle(item), await handle(item));
});

test("every recipient is in exactly one item or event, and no two items share an id", async () => {
  const address = fc
    .tuple(fc.nat(30), fc.constantFrom("a.test", "b.test", "c.test", "fail.test", "defer.test"))
    .map(([n, domain]) => `${n}@${domain}`);
  const route = (to: string): Route | Promise<Route> => {
    if (to.endsWith("@fail.test")) return { kind: "fail", text: "no" };
    if (to.endsWith("@defer.test")) return Promise.resolve({ kind: "defer", text: "later" });
    return policy.route(to);
  };
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(address, { minLength: 1, maxLength: 60 }), async (to) => {
      const outcome = await handle(itemTo(...to), route);
      const served = deliveries(outcome).flatMap(addresses);
      for (const event of outcome.events ?? []) if ("recipient" in event) served.push(event.recipient);
      assert.deepEqual(served.sort(), [...to].sort());
      const ids = (outcome.publish ?? []).map(({ id }) => id);
      assert.equal(new Set(ids).size, ids.length);
      for (const item of deliveries(outcome)) {
        assert.ok(item.transport !== "smarthost_smtp" || item.recipients.length <= 3);
      }
    }),
  );
});
