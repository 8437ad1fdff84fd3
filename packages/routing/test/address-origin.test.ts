import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import type { AddressOrigin, Delivery, RoutingOutcome } from "../src/index.ts";
import { btFiles, placeBtFiles } from "./bt-files.ts";
import { routingOf, TRANSPORTS } from "./routing-of.ts";

const ROUTERS = `
begin routers
tagged:
  driver = accept
  local_parts = tagged
  unseen
  set = r_tag = t-$local_part
  headers_add = X-Tag: $r_tag
  transport = local
held:
  driver = redirect
  local_parts = later
  allow_defer
  data = :defer: later
list:
  driver = redirect
  local_parts = list : outer
  data = \${if eq{$local_part}{outer}{list, z@y.test}{list, b, later, |/bin/cat a@b, "/var/mail/x", /var/dir/}}
  errors_to = owner@x.test
  headers_add = X-List: $local_part
  headers_remove = X-$local_part
  address_data = data of $local_part
  set = r_list = $local_part
  file_transport = local
  directory_transport = local
  pipe_transport = pipe
  user = 1000
copied:
  driver = redirect
  local_parts = copied
  unseen
  data = b, copied
skipped:
  driver = redirect
  local_parts = skipped
  redirect_router = accept
  hide_child_in_errmsg
  dsn_lasthop
  data = other@x.test
never:
  driver = redirect
  local_parts = other
  data = :blackhole:
hidden:
  driver = redirect
  local_parts = hidden
  hide_child_in_errmsg
  data = b
silent:
  driver = redirect
  local_parts = silent
  errors_to =
  data = b
accept:
  driver = accept
  headers_add = X-At: $local_part of $original_local_part, $address_data, $r_list$r_tag
  transport = local
${TRANSPORTS}
`;

/** What becomes of an address in deliveries and reports. */
function seen(outcome: RoutingOutcome): object {
  const { kind, address, parents, router } = outcome;
  if (kind !== "deliver") return { kind, address, parents, router };
  const { origin: _, hosts: __, ...rest }: Delivery = outcome;
  return { ...rest, variables: [...rest.variables] };
}

const routing = routingOf(ROUTERS);

describe("an address that others were made into, routed again from what is kept of it", () => {
  for (const address of ["list", "outer", "tagged", "copied", "skipped", "hidden", "silent"]) {
    test(`goes where it went: those that come of ${address}`, async () => {
      const { outcomes } = await routing.route(`${address}@x.test`);
      assert.ok(outcomes.some(({ origin }) => origin !== undefined));
      for (const outcome of outcomes) {
        if (outcome.origin === undefined || (outcome.kind === "deliver" && outcome.isDuplicate)) continue;
        const again = await routing.routing.route(outcome.address, routing.context, outcome.origin);
        assert.deepEqual(again.outcomes.map(seen), [seen(outcome)]);
        // And so on, at every attempt.
        assert.deepEqual(again.outcomes[0]?.origin, outcome.origin);
      }
    });
  }

  test("of one list, they have inherited the same object", async () => {
    const { outcomes } = await routing.route("list@x.test");
    const own = outcomes.filter(({ address, parents }) => /^(b|later)@/.test(address) && parents.length === 1);
    const origins = own.map(({ origin }) => origin);
    assert.equal(origins.length, 2);
    assert.equal(origins[0], origins[1]);
  });

  test("of a router that is not there any more, an item waits", async () => {
    const { outcomes } = await routing.route("list@x.test");
    const pipe = outcomes.find(({ address }) => address.startsWith("|"));
    const other = routingOf(`begin routers\naccept:\n  driver = accept\n  transport = local\n${TRANSPORTS}`);
    const again = await other.routing.route(pipe?.address ?? "", other.context, pipe?.origin);
    assert.partialDeepStrictEqual(again.outcomes, [
      { kind: "defer", text: "the router that has made it is not there any more", errno: -30 },
    ]);
  });

  test("in a loop, it stays one, and what is kept of it does not grow", async () => {
    const loop = routingOf(`begin routers\nmore:\n  driver = redirect\n  data = a$local_part@x.test\n${TRANSPORTS}`);
    const [first] = (await loop.route("a@x.test")).outcomes;
    const [second] = (await loop.routing.route(first?.address ?? "", loop.context, first?.origin)).outcomes;
    assert.partialDeepStrictEqual(second, { kind: "defer", text: "routing loop" });
    assert.deepEqual([first?.origin?.parents.length, second?.origin?.parents.length], [101, 101]);
    assert.equal(second?.origin?.parents.at(-1), "a@x.test");
  });
});

describe("all that comes of the addresses that are compared with Exim's goes where it went", () => {
  const files = placeBtFiles();
  after(() => files.remove());

  for (const { name, text, addresses } of btFiles().filter(({ mode, needsDns }) => mode === "-bt" && !needsDns)) {
    test(name, async () => {
      const { routing: routers, context } = routingOf(files.placed(text));
      let count = 0;
      for (const address of addresses) {
        for (const outcome of (await routers.route(address, context)).outcomes) {
          const { origin } = outcome;
          if (origin === undefined || (outcome.kind === "deliver" && outcome.isDuplicate)) continue;
          count++;
          const carried = JSON.parse(JSON.stringify(origin)) as AddressOrigin;
          const { variables } = origin.inherited;
          const again = { ...carried, inherited: { ...origin.inherited, variables } };
          assert.deepEqual((await routers.route(outcome.address, context, again)).outcomes.map(seen), [seen(outcome)]);
        }
      }
      assert.ok(count > 0 || !/driver = redirect|unseen/.test(text) || name.startsWith("affixes"));
    });
  }
});

// Seen with exim-4.98: the one is expanded without a home, the other with what the one has made of it.
describe("the directories that a router gives a local transport", () => {
  const variablesOf = async (options: string): Promise<unknown> => {
    const text = `begin routers\na:\n  driver = accept\n  transport = local\n${options}\n${TRANSPORTS}`;
    const [outcome] = (await routingOf(text).route("u@x.test")).outcomes;
    if (outcome?.kind !== "deliver") return outcome;
    return [outcome.variables.get("home"), outcome.variables.get("current_directory")];
  };
  const rows: readonly [string, unknown][] = [
    ["  router_home_directory = /r", ["/r", undefined]],
    ["  router_home_directory = /r\n  transport_home_directory = /t/$local_part/$home", ["/t/u/", undefined]],
    ["  router_home_directory = /r\n  transport_current_directory = /c$home", ["/r", "/c/r"]],
    ["  transport_home_directory = /t\n  transport_current_directory = /c$home", ["/t", "/c/t"]],
  ];
  for (const [options, expected] of rows) {
    test(options.trim(), async () => assert.deepEqual(await variablesOf(options), expected));
  }

  test("that cannot be expanded make it wait", async () => {
    assert.partialDeepStrictEqual(await variablesOf("  transport_home_directory = ${if >{x}{1}{a}{b}}"), {
      kind: "defer",
      errno: -27,
    });
  });
});
