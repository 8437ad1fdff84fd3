import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type BmiVerdict, Tainted, textOf } from "@postbus/policy";
import { watchTurns } from "@postbus/testkit";
import {
  type Delivery,
  formatTraceStep,
  type RoutingContext,
  RoutingMemory,
  type RoutingResult,
} from "../src/index.ts";
import { routingOf, TRANSPORTS } from "./routing-of.ts";

const HEAD = "primary_hostname = mx.test.example\nbegin routers\n";

const deliveries = ({ outcomes }: RoutingResult): Delivery[] =>
  outcomes.filter(({ kind }) => kind === "deliver") as Delivery[];

/** The only delivery of a result. */
function only(result: RoutingResult): Delivery {
  const [first, ...others] = deliveries(result);
  assert.ok(first !== undefined && others.length === 0, JSON.stringify(result.outcomes));
  return first;
}

describe("what an address hands down", () => {
  const CHAIN = `${HEAD}
first:
  driver = redirect
  domains = one.test
  data = b@two.test
  address_data = from $local_part
  set = r_colour = red
  errors_to = owner@two.test
  headers_add = X-One: 1\\n\\tfolded
  headers_add = X-Two: $domain
  headers_remove = A : B
  dsn_lasthop
second:
  driver = accept
  domains = two.test
  transport = local
  set = r_size = \${strlen:$r_colour}
  headers_add = "X-Three: 3"
  headers_remove = C
  user = mail
owner:
  driver = accept
  local_parts = owner
  transport = local
${TRANSPORTS}`;

  test("header changes add up in the order of the routers, data and return path go along", async () => {
    const found = only(await routingOf(CHAIN).route("Ann@one.test"));
    assert.deepEqual(found.headersAdd, ["X-One: 1\n\tfolded\n", "X-Two: one.test\n", "X-Three: 3\n"]);
    assert.deepEqual(found.headersRemove, ["A", "B", "C"]);
    assert.equal(found.errorsTo, "owner@two.test");
    assert.equal(found.isLastHop, true);
    assert.equal(found.user, "mail");
    assert.deepEqual(found.parents, ["Ann@one.test"]);
    const shown = Object.fromEntries(Array.from(found.variables, ([name, value]) => [name, textOf(value)]));
    assert.partialDeepStrictEqual(shown, {
      local_part: "b",
      domain: "two.test",
      domain_data: "two.test",
      address_data: "from ann",
      original_local_part: "ann",
      parent_domain: "one.test",
      router_name: "second",
      r_colour: "red",
      r_size: "3",
    });
  });

  test("what a peer has chosen stays tainted, what a list has found is trusted", async () => {
    const { variables } = only(await routingOf(CHAIN).route("ann@one.test"));
    assert.ok(variables.get("address_data") instanceof Tainted);
    assert.equal(variables.get("domain_data"), "two.test");
  });

  test("of the variables, what the transport cannot name is left out", async () => {
    const kept = async (carries: RoutingContext["carries"]) =>
      [...only(await routingOf(CHAIN).route("ann@one.test", carries && { carries })).variables.keys()].sort();
    assert.deepEqual(await kept((transport) => (name) => transport === "local" && /^r_|^domain$/.test(name)), [
      "domain",
      "r_colour",
      "r_size",
    ]);
    assert.deepEqual(await kept(() => undefined), []);
    assert.ok((await kept(undefined)).length > 5);
  });

  test("an errors_to to which no bounce would get is left out; an empty one suppresses bounces", async () => {
    const text = `${HEAD}
a:
  driver = accept
  domains = a.test
  errors_to = \${if eq{$local_part}{empty}{}{nobody@b.test}}
  transport = local
${TRANSPORTS}`;
    const { route } = routingOf(text);
    assert.equal(only(await route("x@a.test")).errorsTo, undefined);
    const empty = only(await route("empty@a.test"));
    assert.equal(empty.errorsTo, "");
    assert.equal(empty.ignoresErrors, true);
  });

  test("an unseen copy has no header changes of the router that it left", async () => {
    const text = `${HEAD}
one:
  driver = accept
  unseen
  headers_add = X-One: 1
  errors_to = other@a.test
  transport = local
two:
  driver = accept
  headers_add = X-Two: 2
  transport = remote
${TRANSPORTS}`;
    const [copy, original] = deliveries(await routingOf(text).route("x@a.test")).toSorted((a, b) =>
      a.router < b.router ? 1 : -1,
    );
    assert.deepEqual(copy?.headersAdd, ["X-Two: 2\n"]);
    assert.deepEqual(original?.headersAdd, ["X-One: 1\n"]);
    assert.deepEqual([copy?.unique, original?.unique], ["x@a.test", "x@a.test/one"]);
    assert.deepEqual([copy?.errorsTo, original?.errorsTo], [undefined, "other@a.test"]);
  });

  test("files and pipes are deliveries of their parent", async () => {
    const text = `${HEAD}
list:
  driver = redirect
  data = "|/bin/cat a, b", /mail/$local_part
  pipe_transport = \${if match{$address_pipe}{cat}{pipe}}
  file_transport = local
  hide_child_in_errmsg
${TRANSPORTS}`;
    const found = deliveries(await routingOf(text.replace('"|/bin/cat a, b"', "|/bin/cat")).route("x@a.test"));
    assert.deepEqual(
      found.map(({ to, address, transport, unique, isHiddenInBounces }) => [
        to,
        address,
        transport,
        unique,
        isHiddenInBounces,
      ]),
      [
        ["pipe", "|/bin/cat", "pipe", "|/bin/cat:x@a.test", true],
        ["file", "/mail/x", "local", "/mail/x:x@a.test", true],
      ],
    );
  });
});

describe("one message", () => {
  const LISTS = `${HEAD}
lists:
  driver = redirect
  domains = lists.test
  data = a@x.test, A@x.test, a@X.TEST, $local_part@x.test
rest:
  driver = accept
  transport = remote
${TRANSPORTS}`;

  test("a delivery that is there already is marked; letters of local parts count, those of domains do not", async () => {
    const { route } = routingOf(LISTS);
    const memory = new RoutingMemory();
    const first = deliveries(await route("b@lists.test", { memory }));
    assert.deepEqual(
      first.map(({ address, isDuplicate }) => `${address} ${isDuplicate}`),
      ["a@x.test true", "A@x.test false", "a@X.TEST false", "b@x.test false"],
    );
    const second = deliveries(await route("c@lists.test", { memory }));
    assert.deepEqual(
      second.filter(({ isDuplicate }) => !isDuplicate).map(({ address }) => address),
      ["c@x.test"],
    );
  });
});

describe("hosts", () => {
  test("a list in random order has the same order for all recipients of a message", async () => {
    const text = `${HEAD}
r:
  driver = manualroute
  route_list = * "10.0.0.1:10.0.0.2:10.0.0.3:10.0.0.4:10.0.0.5:+:10.0.1.1:10.0.1.2" randomize
  transport = remote
${TRANSPORTS}`;
    const { route, context } = routingOf(text);
    let drawn = 0;
    const random = (below: number): number => {
      drawn = (drawn * 7 + 5) % 101;
      return drawn % below;
    };
    const surroundings = { ...context.surroundings, random };
    const memory = new RoutingMemory();
    const orders: (readonly string[])[] = [];
    for (const name of ["a", "b"]) {
      const { hosts = [] } = only(await route(`${name}@x.test`, { memory, surroundings }));
      orders.push(hosts.map(({ address = "", group }) => `${address} ${group}`));
    }
    assert.deepEqual(orders[0], orders[1]);
    assert.notDeepEqual(orders[0], orders[0]?.toSorted());
    assert.deepEqual(
      orders[0]?.map((host) => host.split(" ")[1]),
      ["0", "0", "0", "0", "0", "1", "1"],
    );
  });

  test("fallback_hosts go along, as they are after expansion", async () => {
    const text = `${HEAD}
r:
  driver = manualroute
  route_data = 10.0.0.1
  fallback_hosts = back.$domain:other
  transport = remote
${TRANSPORTS}`;
    assert.equal(only(await routingOf(text).route("a@x.test")).fallbackHosts, "back.x.test:other");
  });

  test("a transport with hosts_override gets none", async () => {
    const text = `${HEAD}
r:
  driver = manualroute
  route_data = 10.0.0.1
  transport = own
begin transports
own:
  driver = smtp
  hosts = 10.9.9.9
  hosts_override
`;
    assert.equal(only(await routingOf(text).route("a@x.test")).hosts, undefined);
  });
});

describe("BMI verdicts", () => {
  const text = `${HEAD}
bmi_blackhole:
  driver = redirect
  bmi_dont_deliver
  data = :blackhole:
bmi_rule_redirect:
  driver = redirect
  domains = ! rule.test
  bmi_rule = 5:8:11
  data = postmaster@rule.test
alternate:
  driver = accept
  bmi_deliver_alternate
  transport = \${if eq{$bmi_alt_location}{spam}{pipe}{remote}}
localuser:
  driver = accept
  bmi_deliver_default
  headers_add = X-Brightmail-Verdict: $bmi_base64_verdict
  headers_add = X-Brightmail-Tracker: $bmi_base64_tracker_verdict
  transport = local
${TRANSPORTS}`;
  const verdict = (more: Partial<BmiVerdict>): BmiVerdict => ({
    deliver: "default",
    rules: [],
    alternateLocation: "",
    base64Verdict: "VmVyZGljdA==",
    base64TrackerVerdict: "VHJhY2tlcg==",
    ...more,
  });
  const { route } = routingOf(text);
  const routeWith = (found: BmiVerdict | undefined) => route("a@x.test", { bmiVerdict: () => found });

  test("seed example 3.3: who is not to get it does not get it", async () => {
    const { outcomes } = await routeWith(verdict({ deliver: "none" }));
    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      ["discard"],
    );
  });

  test("seed example 3.4: a rule that fired redirects, others do not; children have the verdict of the recipient", async () => {
    assert.equal(only(await routeWith(verdict({ rules: [1, 8] }))).address, "postmaster@rule.test");
    assert.equal(only(await routeWith(verdict({ rules: [6, 7] }))).address, "a@x.test");
  });

  test("seed examples 3.5 and 3.6: the verdict is in the header lines; they are empty without one", async () => {
    assert.deepEqual(only(await routeWith(verdict({}))).headersAdd, [
      "X-Brightmail-Verdict: VmVyZGljdA==\n",
      "X-Brightmail-Tracker: VHJhY2tlcg==\n",
    ]);
    assert.deepEqual(only(await routeWith(undefined)).headersAdd, [
      "X-Brightmail-Verdict: \n",
      "X-Brightmail-Tracker: \n",
    ]);
  });

  test("another place is another router's", async () => {
    const found = only(await routeWith(verdict({ deliver: "alternate", alternateLocation: "spam" })));
    assert.deepEqual([found.router, found.transport], ["alternate", "pipe"]);
  });
});

describe("what is not delivered", () => {
  test("the trace says which router said what, and where it stands", async () => {
    const text = `${HEAD}
one:
  driver = accept
  domains = other.test
  transport = local
two:
  driver = redirect
  data = b@b.test
  local_parts = a
three:
  driver = redirect
  data =
${TRANSPORTS}`;
    const { trace } = await routingOf(text).route("a@a.test");
    assert.deepEqual(trace.map(formatTraceStep), [
      "a@a.test: /c:4 one: skipped: domains",
      "a@a.test: /c:8 two: redirected: b@b.test",
      "b@b.test: /c:4 one: skipped: domains",
      "b@b.test: /c:8 two: skipped: local_parts",
      "b@b.test: /c:12 three: declined: the list is empty",
    ]);
  });

  test("a chain of redirections without an end is a deferral", async () => {
    const text = `${HEAD}\nmore:\n  driver = redirect\n  data = a$local_part@x.test\n${TRANSPORTS}`;
    const { outcomes } = await routingOf(text).route("a@x.test");
    assert.deepEqual(
      outcomes.map((outcome) => [outcome.kind, "text" in outcome && outcome.text, outcome.parents.length]),
      [["defer", "routing loop", 101]],
    );
  });

  test("lists that double at each step come to an end, and nobody else has to wait for it", async () => {
    const text = `${HEAD}\nmore:\n  driver = redirect\n  data = a$local_part@x.test, b$local_part@x.test\n${TRANSPORTS}`;
    const turns = watchTurns();
    const { outcomes } = await routingOf(text).route("a@x.test");
    const longestMs = turns.stop();
    assert.deepEqual(
      outcomes.map(({ kind, address }) => `${kind} ${address}`),
      ["defer a@x.test"],
    );
    assert.ok(longestMs < 2_000, `${longestMs} ms`);
  });

  test("a filter file is a deferral that says why", async () => {
    const text = `${HEAD}
f:
  driver = redirect
  allow_filter
  user = mail
  data = #Exim filter $local_part
${TRANSPORTS}`;
    const { outcomes } = await routingOf(text).route("a@x.test");
    assert.partialDeepStrictEqual(outcomes, [
      { kind: "defer", text: "error in filter data: filter files are not available", errno: -17, router: "f" },
    ]);
  });

  test("queue_domains holds up what has just come, until it is tried again", async () => {
    const text = `queue_domains = *.q.test\n${HEAD}\nr:\n  driver = accept\n  transport = local\n${TRANSPORTS}`;
    const { route } = routingOf(text);
    const first = { purpose: "deliver", isFirstAttempt: true } as const;
    const { outcomes } = await route("a@x.q.test", first);
    assert.partialDeepStrictEqual(outcomes, [{ kind: "defer", text: "domain is in queue_domains", errno: -56 }]);
    assert.equal(only(await route("a@x.q.test", { purpose: "deliver" })).router, "r");
    assert.equal(only(await route("a@x.q.test", { ...first, isForced: true })).router, "r");
  });

  test("hold_domains holds up what is to be delivered, until an operator wants it", async () => {
    const text = `hold_domains = *.held.test\n${HEAD}\nr:\n  driver = accept\n  transport = local\n${TRANSPORTS}`;
    const { route } = routingOf(text);
    const { outcomes } = await route("a@x.held.test", { purpose: "deliver" });
    assert.partialDeepStrictEqual(outcomes, [{ kind: "defer", text: "domain is held", errno: -23 }]);
    assert.equal(only(await route("a@x.held.test", { purpose: "deliver", isForced: true })).router, "r");
    assert.equal(only(await route("a@x.held.test")).router, "r");
  });

  test("self = freeze is a deferral that freezes the message", async () => {
    const text = `${HEAD}\nr:\n  driver = manualroute\n  route_data = 127.0.0.1\n  transport = remote\n${TRANSPORTS}`;
    const { outcomes } = await routingOf(text).route("a@x.test");
    assert.partialDeepStrictEqual(outcomes, [{ kind: "defer", isFrozen: true }]);
  });
});
