import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Outcome, WorkItem } from "@postbus/bus";
import { type Content, DeliveryItem, decodeBmiVerdict, encodeBmiVerdict, RouteItem } from "@postbus/contracts";
import { DeferError, domainOf } from "@postbus/mail";
import { loadPolicy } from "@postbus/policy";
import { type AddressOrigin, compileRouters, type RoutingContext, type RoutingOutcome } from "@postbus/routing";
import fc from "fast-check";
import { pino } from "pino";
import { Value } from "typebox/value";
import type { RoutingPolicy } from "../src/destinations.ts";
import { routerHandler } from "../src/handler.ts";

const NOW = 1_795_000_000_000;
const MESSAGE = "1vMhGf-0000000012a-0Ab3";

const loaded = await loadPolicy({
  macros: "LOCAL_DOMAINS=a.test : b.test\nSMARTHOST=out.test\nSMTP_MAX_RCPT=3\n",
  data: "/data",
});
const routing = compileRouters(loaded.configuration);
const content: Content = { kind: "inline", octets: Buffer.from("Subject: x\r\n\r\n") };

const workOf = (header: unknown): WorkItem => ({
  id: `${MESSAGE}_0_0`,
  subject: "mail.route.0",
  messageId: MESSAGE,
  header,
  content,
  handedOut: 1,
  isHeld: () => true,
  remember: () => {},
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

/** What becomes of an address, or of the addresses it has become. */
type Find = (address: string, context: RoutingContext) => RoutingOutcome[] | Promise<RoutingOutcome[]>;

const found: Find = async (address, context) => [...(await routing.route(address, context)).outcomes];

function handle(header: unknown, find: Find = found): Promise<Outcome> {
  const routes = async (address: string, context: RoutingContext) => ({
    outcomes: await find(address, context),
    trace: [],
  });
  return handleBy({ ...loaded, routing: { route: routes } }, header);
}

function handleBy(inForce: RoutingPolicy, header: unknown): Promise<Outcome> {
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

const delivery = (address: string, changes: object = {}): RoutingOutcome => ({
  kind: "deliver",
  address,
  parents: [],
  to: "mailbox",
  router: "r",
  transport: "smarthost_smtp",
  isLocal: false,
  hosts: undefined,
  hostText: undefined,
  fallbackHosts: undefined,
  unique: address,
  isDuplicate: false,
  errorsTo: undefined,
  ignoresErrors: false,
  headersAdd: [],
  headersRemove: [],
  isLastHop: false,
  user: undefined,
  group: undefined,
  variables: new Map(),
  isHiddenInBounces: false,
  isLogged: true,
  isLoggedAsLocal: true,
  ...changes,
});
const host = (name: string, port?: number, address?: string) => ({
  ...{ name, port, address, mx: undefined, group: 0, isAuthenticated: false },
});
const failure = (address: string, changes: object = {}): RoutingOutcome => ({
  kind: "fail",
  address,
  parents: [],
  router: undefined,
  text: "Unrouteable address",
  replyText: undefined,
  errorsTo: undefined,
  ignoresErrors: false,
  ...changes,
});
const deferral = (address: string): RoutingOutcome => ({
  kind: "defer",
  address,
  parents: [],
  router: "lookuphost",
  text: "host lookup did not complete",
  replyText: undefined,
  isTextForClient: false,
  errno: -1,
  isFrozen: false,
});

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
          addressVariables: [{ domain: "a.test", local_part: "ann" }],
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

  test("of which hosts the DNS vouches for is told where the log wants to know, and only there", async () => {
    const hosts = [{ ...host("a"), isAuthenticated: true }, host("b")];
    const log = { ...loaded.log, ofDeliveries: new Set(["dnssec"]) };
    const told = async (policy: Omit<RoutingPolicy, "routing">, of: readonly object[]) => {
      const outcomes = [delivery("x@c.test", { hosts: of })];
      const routing = { route: async () => ({ outcomes, trace: [] }) };
      return deliveries(await handleBy({ ...policy, routing }, itemTo("x@c.test")))[0]?.signedHosts;
    };
    assert.deepEqual(await told({ ...loaded, log }, hosts), [true, false]);
    assert.equal(await told({ ...loaded, log }, [host("b")]), undefined);
    assert.equal(await told(loaded, hosts), undefined);
  });

  test("with hosts of its own keeps them in their order", async () => {
    const hosts = [host("b"), host("a", 26), host("2001:db8::1", 26, "2001:db8::1")];
    const [item] = deliveries(await handle(itemTo("x@c.test"), (address) => [delivery(address, { hosts })]));
    assert.deepEqual(item?.hosts, ["b", "a::26", "[2001:db8::1]::26"]);
    assert.deepEqual(item?.hostAddresses, ["", "", "2001:db8::1"]);
  });
});

describe("a message with REQUIRETLS (RFC 8689)", () => {
  const tagged = (...to: string[]): RouteItem => ({ ...itemTo(...to), requireTls: true });
  const signed = { isRecordAuthenticated: true, mx: 10 } as const;

  test("goes on with the tag, in all that a recipient becomes, and with which hosts are known to be right", async () => {
    const hosts = [{ ...host("a"), mx: 10 }, { ...host("b"), ...signed }, host("configured")];
    const list: Find = (to) => [delivery("1@c.test", { parents: [to], hosts }), delivery(to)];
    const outcome = await handle(tagged("x@c.test"), list);
    assert.deepEqual(
      deliveries(outcome).map(({ requireTls }) => requireTls),
      [true, true],
    );
    assert.deepEqual(
      deliveries(outcome).map(({ knownHosts }) => knownHosts),
      [[false, true, true], undefined],
    );
    const untagged = deliveries(await handle(itemTo("x@c.test"), list));
    assert.ok(untagged.every((item) => item.requireTls === undefined && item.knownHosts === undefined));
  });

  test("goes apart to domains of which one vouches for the host, and one does not", async () => {
    const find: Find = (to) => [
      delivery(to, { hosts: [{ ...host("a"), mx: 10, ...(domainOf(to) === "d.test" ? signed : {}) }] }),
    ];
    const items = deliveries(await handle(tagged("x@c.test", "y@d.test"), find));
    assert.deepEqual(
      items.map((item) => [addresses(item), item.knownHosts]),
      [
        [["x@c.test"], [false]],
        [["y@d.test"], [true]],
      ],
    );
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
    const route: Find = (address) => [delivery(address, { hosts: [host(domainOf(address))] })];
    const items = deliveries(await handle(itemTo("1@c.test", "2@d.test", "3@c.test"), route));
    assert.deepEqual(items.map(addresses), [["1@c.test", "3@c.test"], ["2@d.test"]]);
  });

  test("an address given twice is served once", async () => {
    assert.deepEqual(deliveries(await handle(itemTo("x@c.test", "x@c.test"))).map(addresses), [["x@c.test"]]);
  });
});

describe("a recipient that has become others", () => {
  const list: Find = (address) => [
    delivery("1@c.test", { parents: [address] }),
    delivery("2@c.test", { parents: [address] }),
    failure("3@c.test", { parents: [address] }),
  ];

  test("leaves items of its own, and a bounce names the address that failed", async () => {
    const outcome = await handle(itemTo("list@a.test", "list2@a.test"), list);
    assert.deepEqual(deliveries(outcome).map(addresses), [
      ["1@c.test", "2@c.test"],
      ["1@c.test", "2@c.test"],
    ]);
    assert.partialDeepStrictEqual(outcome.events, [
      { name: "msg:fail:delivery", recipient: "3@c.test" },
      { name: "msg:received" },
      { name: "msg:fail:delivery", recipient: "3@c.test" },
      { name: "msg:received" },
    ]);
    const ids = (outcome.publish ?? []).map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    assert.deepEqual(await handle(itemTo("list@a.test", "list2@a.test"), list), outcome);
  });

  test("which are others in a second run: none of them passes for one of the first", async () => {
    const other: Find = (address) => [delivery("9@c.test", { parents: [address] })];
    const ids = async (find: Find) => (await handle(itemTo("list@a.test"), find)).publish?.map(({ id }) => id) ?? [];
    const first = new Set(await ids(list));
    assert.ok((await ids(other)).every((id) => !first.has(id)));
  });

  test("and none that is left: the message is complete", async () => {
    const nowhere: Find = (address) => [{ kind: "discard", address, parents: [], router: "r" }];
    const outcome = await handle(itemTo("x@c.test"), nowhere);
    assert.deepEqual(outcome.publish, []);
    assert.deepEqual(names(outcome), ["msg:note"]);
    assert.deepEqual(
      outcome.eventsIfComplete?.map(({ name }) => name),
      ["msg:complete"],
    );
  });
});

/** A policy of a test's own. */
async function policyOf(text: string): Promise<RoutingPolicy> {
  const directory = mkdtempSync(join(tmpdir(), "postbus-router-"));
  const file = join(directory, "postbus.conf");
  writeFileSync(file, text);
  const policy = await loadPolicy({ file });
  rmSync(directory, { recursive: true });
  return { ...policy, routing: compileRouters(policy.configuration) };
}

// The words are those of Exim 4.98.
test("a list with errors is told to the address that the router names, and its other addresses are served", async () => {
  const policy = await policyOf(`
primary_hostname = mx.a.test
begin routers
list:
  driver = redirect
  local_parts = list : none
  skip_syntax_errors
  syntax_errors_to = errs@b.test
  syntax_errors_text = Hello $local_part\\nline two
  data = \${if eq{$local_part}{list}{good@b.test,}} a@b@c
last:
  driver = accept
  transport = box
begin transports
box:
  driver = smtp
  hosts = 127.0.0.1
`);
  const outcome = await handleBy(policy, itemTo("list@a.test", "none@a.test"));
  assert.partialDeepStrictEqual(outcome.events, [
    { name: "msg:note", text: 'list router: skipped error: malformed address: @c may not follow a@b in "a@b@c"' },
    { name: "msg:received", returnPath: "", recipients: ["errs@b.test"], reception: { about: MESSAGE } },
    { name: "msg:note" },
    { name: "msg:received", returnPath: "", recipients: ["errs@b.test"] },
  ]);
  const [first, second] = (outcome.publish ?? []).filter(({ subject }) => subject === "mail.route.0");
  const textOf = (publication: typeof first) =>
    publication?.content.kind === "inline" ? publication.content.octets.toString("latin1").split("\r\n\r\n") : [];
  const [header = "", ...body] = textOf(first);
  assert.match(header, /^Auto-Submitted: auto-replied\r\nFrom: Mail Delivery System <Mailer-Daemon@mx\.a\.test>\r\n/);
  assert.match(header, /^To: errs@b\.test$/m);
  assert.match(header, /^Subject: error\(s\) in forwarding or filtering\r$/m);
  assert.deepEqual(body, [
    "Hello list\r\nline two",
    "The list router encountered the following error(s):",
    '  malformed address: @c may not follow a@b in the address\r\n  "a@b@c"',
    "Other addresses were processed normally.\r\n",
  ]);
  assert.equal(textOf(second).at(-1), "No valid addresses were generated.\r\n");
  // A list without anything else declines.
  assert.deepEqual(deliveries(outcome).map(addresses), [["none@a.test"], ["good@b.test"]]);
  assert.deepEqual(await handleBy(policy, itemTo("list@a.test", "none@a.test")), outcome);
});

describe("what a list has made", () => {
  const POLICY = `
domainlist locals = a.test
begin routers
copy:
  driver = accept
  local_parts = copied
  unseen
  transport = box
list:
  driver = redirect
  local_parts = list
  errors_to = owner@a.test
  headers_add = X-List: $local_part
  headers_remove = X-Gone
  address_data = for $local_part
  set = r_of = list
  allow_defer
  pipe_transport = box
  data = one@a.test, busy@a.test, two@a.test, |/bin/x
busy:
  driver = redirect
  local_parts = \${if bool{$acl_c_busy}{busy}}
  allow_defer
  data = :defer: busy
last:
  driver = accept
  headers_add = X-Last: $address_data, $r_of
  transport = box
begin transports
box:
  driver = smtp
  hosts = $address_data$address_pipe
begin retry
* * F,1h,5m
`.replaceAll("\\$", "$");
  const inForce = () => policyOf(POLICY);

  test("goes on as it was made, when it is tried again", async () => {
    const policy = await inForce();
    const item = { ...itemTo("list@a.test", "copied@a.test"), aclVariables: { acl_c_busy: "1" } };
    const first = await handleBy(policy, item);
    const [retry] = (first.publish ?? []).filter(({ subject }) => subject === "mail.route.0");
    assert.partialDeepStrictEqual(retry?.header, {
      recipients: [
        {
          address: "busy@a.test",
          lastError: "busy",
          origin: {
            parents: ["list@a.test"],
            errorsTo: "owner@a.test",
            headersAdd: ["X-List: list\n"],
            headersRemove: ["X-Gone"],
            variables: { address_data: { tainted: "for list" }, r_of: "list" },
          },
        },
      ],
    });
    const second = await handleBy(policy, { ...(retry?.header as object), aclVariables: {} });
    assert.partialDeepStrictEqual(deliveries(second), [
      {
        returnPath: "sender@x.test",
        errorsTo: "owner@a.test",
        headersAdd: ["X-List: list\n", "X-Last: for list, list\n"],
        headersRemove: ["X-Gone"],
        addressVariables: [{ address_data: { tainted: "for list" } }],
      },
    ]);
  });

  test("goes apart from what has other header lines or is no mailbox", async () => {
    const items = deliveries(await handleBy(await inForce(), itemTo("list@a.test", "copied@a.test", "z@a.test")));
    const rows = items.map((item) => [addresses(item), item.to, item.headersAdd?.length, item.addressVariables]);
    assert.deepEqual(rows, [
      [["z@a.test"], undefined, 1, [{}]],
      [
        ["one@a.test", "busy@a.test", "two@a.test"],
        undefined,
        2,
        Array(3).fill({ address_data: { tainted: "for list" } }),
      ],
      [["|/bin/x"], "pipe", 1, [{ address_data: { tainted: "for list" }, address_pipe: "|/bin/x" }]],
      [["copied@a.test"], undefined, undefined, [{}]],
      [["copied@a.test"], undefined, 1, [{}]],
    ]);
    // What the three have inherited stands in their item once.
    assert.equal(items[1]?.origins?.length, 1);
    assert.ok(items[1]?.recipients.every(({ origin, sharedOrigin }) => origin === undefined && sharedOrigin === 0));
  });

  test("is in several items, if it is much", async () => {
    const many = Array.from({ length: 1_201 }, (_, i) => `u${i}@a.test`);
    const busy: Find = (to) => many.map((address) => ({ ...deferral(address), parents: [to], origin: ORIGIN }));
    const outcome = await handle(itemTo("list@a.test"), busy);
    const items = (outcome.publish ?? []).map(({ header }) => header as RouteItem);
    assert.deepEqual(
      items.map(({ recipients }) => recipients.length),
      [500, 500, 201],
    );
    assert.equal(new Set(outcome.publish?.map(({ id }) => id)).size, 3);
    assert.ok(items.every((item) => JSON.stringify(item).length < 150_000));
    assert.deepEqual(await handle(itemTo("list@a.test"), busy), outcome);
  });
});

const ORIGIN: AddressOrigin = {
  parents: ["list@a.test"],
  routers: ["list"],
  startsAt: undefined,
  unique: undefined,
  item: undefined,
  isHidden: false,
  inherited: {
    addressData: undefined,
    variables: new Map(),
    errorsTo: undefined,
    headersAdd: [`X-Long: ${"x".repeat(10_000)}\n`],
    headersRemove: [],
    ignoresErrors: false,
    isLastHop: false,
  },
};

describe("what the sender wants of reports (RFC 3461)", () => {
  const asked = {
    ...itemTo("list@a.test"),
    notification: { ret: "HDRS", envid: "QQ1" },
    recipients: [{ address: "list+x@a.test", notification: { notify: ["SUCCESS", "FAILURE"] } }],
  };
  const sent = async (item: object, find: Find = (to) => [delivery(to)]) => deliveries(await handle(item, find));

  test("goes along", async () => {
    const [item] = await sent(asked);
    assert.partialDeepStrictEqual(item, { notification: asked.notification, recipients: asked.recipients });
  });

  test("of one who has become others holds for failures and delays of those, under his name", async () => {
    const list: Find = (to) => [delivery("1@c.test", { parents: [to] }), delivery(to)];
    const items = await sent(asked, list);
    assert.deepEqual(
      items.flatMap(({ recipients }) => recipients),
      [
        {
          address: "1@c.test",
          notification: { notify: ["FAILURE"], originalRecipient: "rfc822;list+2Bx@a.test" },
        },
        asked.recipients[0],
      ],
    );
  });

  const told = (outcome: Outcome) =>
    (outcome.publish ?? [])
      .filter(({ messageId }) => messageId !== MESSAGE)
      .map((report) => (report.content.kind === "inline" ? report.content.octets.toString("latin1") : ""));
  const wanting = (...notify: ("SUCCESS" | "FAILURE")[]): RouteItem => ({
    ...itemTo(),
    recipients: [{ address: "l@a.test", notification: { notify, originalRecipient: "rfc822;o@x.test" } }],
  });
  const toOne: Find = (to) => [delivery("1@c.test", { parents: [to] })];
  const toTwo: Find = (to) => [delivery("1@c.test", { parents: [to] }), delivery("2@d.test", { parents: [to] })];

  test("of one who has become another one goes on with it, and not beyond us", async () => {
    const outcome = await handle(wanting("SUCCESS"), toOne);
    const [child] = deliveries(outcome);
    assert.deepEqual(child?.recipients[0]?.notification, { notify: ["SUCCESS"], originalRecipient: "rfc822;o@x.test" });
    assert.equal(child?.isLastHop, true);
    assert.deepEqual(told(outcome), []);
    const [silent] = deliveries(await handle(wanting("FAILURE"), toOne));
    assert.equal(silent?.isLastHop, undefined);
  });

  test("of success, if one becomes several: expanded, at once, and the same when it is handled again", async () => {
    const outcome = await handle(wanting("SUCCESS", "FAILURE"), toTwo);
    const [report = "", ...more] = told(outcome);
    assert.deepEqual(more, []);
    assert.match(report, /^Action: expanded\r\nFinal-Recipient: rfc822;l@a\.test\r\nStatus: 2\.0\.0\r$/m);
    assert.match(report, /^Original-Recipient: rfc822;o@x\.test\r$/m);
    assert.ok(!/[12]@[cd]\.test/.test(report));
    for (const { recipients } of deliveries(outcome)) {
      assert.deepEqual(recipients[0]?.notification?.notify, ["FAILURE"]);
    }
    assert.deepEqual(await handle(wanting("SUCCESS", "FAILURE"), toTwo), outcome);
    assert.deepEqual(told(await handle(wanting("FAILURE"), toTwo)), []);
    assert.deepEqual(told(await handle({ ...wanting("SUCCESS"), returnPath: "" }, toTwo)), []);
    const failing: Find = (to) => [1, 2].map((n) => ({ ...failure(`${n}@c.test`), parents: [to] }));
    assert.ok(!told(await handle(wanting("SUCCESS"), failing)).some((text) => text.includes("expanded")));
  });

  test("of one who is thrown away: delivered", async () => {
    const discard: Find = (address) => [{ kind: "discard", address, parents: [], router: "r" }];
    const [report = ""] = told(await handle(wanting("SUCCESS"), discard));
    assert.match(report, /^Action: delivered\r\nFinal-Recipient: rfc822;l@a\.test\r$/m);
    assert.deepEqual(told(await handle(wanting("FAILURE"), discard)), []);
  });

  test("is not passed on by a router with dsn_lasthop, which keeps its recipients apart", async () => {
    const items = await sent(itemTo("1@c.test", "2@c.test"), (to) => [delivery(to, { isLastHop: to === "1@c.test" })]);
    assert.deepEqual(
      items.map(({ recipients, isLastHop }) => [recipients.length, isLastHop]),
      [
        [1, true],
        [1, undefined],
      ],
    );
  });
});

test("a bounce address of the router's is said beside the sender", async () => {
  const [item] = deliveries(await handle(itemTo("x@c.test"), (to) => [delivery(to, { errorsTo: "owner@a.test" })]));
  assert.partialDeepStrictEqual(item, { returnPath: "sender@x.test", errorsTo: "owner@a.test" });
});

test("a transport that there is not is a deferral", async () => {
  const outcome = await handle(itemTo("x@c.test"), (to) => [delivery(to, { transport: "nowhere" })]);
  assert.partialDeepStrictEqual(outcome.events, [{ name: "msg:defer", errno: -30 }]);
});

describe("a recipient without a route", () => {
  const fail: Find = (address) => [failure(address)];

  test("fails, and the sender gets a bounce; the others go on", async () => {
    const outcome = await handle(itemTo("1@c.test", "2@c.test"), (a, context) =>
      a === "1@c.test" ? [failure(a)] : found(a, context),
    );
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
    const outcome = await handle({ ...itemTo("1@c.test"), returnPath: "" }, fail);
    assert.deepEqual(names(outcome), ["msg:fail:delivery", "msg:frozen"]);
    assert.equal(outcome.publish?.[0]?.frozen, "delivery error message");
  });

  test("is deferred when the policy says so, and comes back to router", async () => {
    const outcome = await handle(itemTo("1@c.test"), (address) => [deferral(address)]);
    assert.partialDeepStrictEqual(outcome.events, [
      { name: "msg:defer", router: "lookuphost", errno: -1, text: "host lookup did not complete" },
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
  const route: Find = (to, context) => {
    if (to.endsWith("@fail.test")) return [failure(to)];
    if (to.endsWith("@defer.test")) return Promise.resolve([deferral(to)]);
    return found(to, context);
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

test("a message that was given up fails without being routed, and its sender is told", async () => {
  const item = { ...itemTo("a@x.test", "b@x.test"), cancelled: "delivery cancelled by administrator" };
  const { publish = [], events = [] } = await handle(item, () => assert.fail("nobody asks where it would go"));
  const failed = events.filter((event) => event.name === "msg:fail:delivery");
  assert.deepEqual(
    failed.map(({ recipient, text }) => `${recipient}: ${text}`),
    ["a@x.test: delivery cancelled by administrator", "b@x.test: delivery cancelled by administrator"],
  );
  assert.deepEqual(
    publish.map(({ header }) => Value.Parse(RouteItem, header).recipients),
    [[{ address: "sender@x.test" }]],
  );
});

describe("verdicts of BMI", () => {
  const POLICY = `primary_hostname = mx.test
begin routers
drops:
  driver = redirect
  bmi_dont_deliver
  data = :blackhole:
alias:
  driver = redirect
  local_parts = list
  data = one@c.test, two@d.test
waits:
  driver = redirect
  local_parts = busy
  allow_defer
  data = :defer: busy
out:
  driver = manualroute
  headers_add = X-Verdict: $bmi_base64_verdict $bmi_deliver $bmi_alt_location
  route_list = * 192.0.2.1
  transport = out
begin transports
out:
  driver = smtp
begin retry
* * F,1h,5m
`;
  const item: RouteItem = {
    ...itemTo("List@a.test", "gone@a.test", "busy@a.test", "other@a.test"),
    bmiVerdicts: [
      encodeBmiVerdict({ v: 1, r: ["list@a.test", "Busy@a.test"], d: { alt: "junk" }, f: [8], e: 0 }),
      encodeBmiVerdict({ v: 1, r: ["gone@A.test"], d: "drop", f: [], e: 0 }),
    ],
  };
  const recipientsIn = (header: { readonly bmiVerdicts?: string[] }): unknown =>
    header.bmiVerdicts?.map((encoded) => decodeBmiVerdict(encoded)?.r);

  test("are those of the recipient, for all that is made of it; an item has what is about its recipients", async () => {
    const outcome = await handleBy(await policyOf(POLICY), item);
    const own = encodeBmiVerdict({ v: 1, r: ["List@a.test"], d: { alt: "junk" }, f: [8], e: 0 });
    const delivered = deliveries(outcome).map((each) => [each.domain, each.headersAdd, recipientsIn(each)]);
    assert.deepEqual(delivered.sort(), [
      ["a.test", ["X-Verdict:  1 \n"], []],
      ["c.test", [`X-Verdict: ${own} 1 junk\n`], [["list@a.test"]]],
    ]);
    assert.match(JSON.stringify(outcome.events), /=> :blackhole: <gone@a\.test>/);
  });

  test("are there at the next attempt", async () => {
    const { publish = [] } = await handleBy(await policyOf(POLICY), item);
    const retry = publish.find(({ subject }) => subject === "mail.route.0")?.header as RouteItem;
    assert.deepEqual(recipientsIn(retry), [["Busy@a.test"]]);
    const again = await handleBy(await policyOf(POLICY.replace("local_parts = busy", "local_parts = nobody")), retry);
    const own = encodeBmiVerdict({ v: 1, r: ["busy@a.test"], d: { alt: "junk" }, f: [8], e: 0 });
    assert.deepEqual(
      deliveries(again).map(({ headersAdd }) => headersAdd),
      [[`X-Verdict: ${own} 1 junk\n`]],
    );
  });
});
