import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { textOf } from "@postbus/policy";
import { RoutingMemory } from "../src/index.ts";
import { routingOf, TRANSPORTS } from "./routing-of.ts";

const policy = (options = "  same_domain_copy_routing") => `primary_hostname = mx.test.example
begin routers
copying:
  driver = manualroute
  domains = b.test
  local_parts = ^a : ^c
  route_list = * 192.0.2.1 byname
  transport = remote
  address_data = of-$local_part
${options}
plain:
  driver = manualroute
  domains = b.test
  route_list = * 192.0.2.2 byname
  transport = remote
list:
  driver = redirect
  domains = c.test
  data = z1@b.test, a9@b.test, z2@b.test
${TRANSPORTS}`;

/** `ADDRESS ROUTER`, in the order of the recipients, when they are routed as for one message. */
async function routed(recipients: readonly string[], options?: string): Promise<string[]> {
  const { routing, route } = routingOf(policy(options));
  const memory = new RoutingMemory();
  const lines: string[][] = [];
  for (const recipient of routing.isLastFirst ? recipients.toReversed() : recipients) {
    const { outcomes } = await route(recipient, { purpose: "deliver", memory });
    lines.push(outcomes.map(({ address, router }) => `${address} ${router}`));
  }
  return (routing.isLastFirst ? lines.toReversed() : lines).flat();
}

/** From the log of Exim 4.98 with these routers, and messages to these recipients. */
const recorded: readonly { readonly to: readonly string[]; readonly routers: readonly string[] }[] = [
  {
    to: ["z1@b.test", "a1@b.test", "z2@b.test", "z0@b.test"],
    routers: ["z1@b.test copying", "a1@b.test copying", "z2@b.test plain", "z0@b.test plain"],
  },
  {
    to: ["a1@b.test", "z1@b.test", "a2@b.test", "z2@b.test"],
    routers: ["a1@b.test copying", "z1@b.test copying", "a2@b.test copying", "z2@b.test plain"],
  },
  {
    to: ["l@c.test", "z3@b.test", "a3@b.test"],
    routers: [
      ...["z1@b.test copying", "a9@b.test copying", "z2@b.test plain"],
      ...["z3@b.test copying", "a3@b.test copying"],
    ],
  },
  {
    to: ["z3@b.test", "l@c.test"],
    routers: ["z3@b.test plain", "z1@b.test copying", "a9@b.test copying", "z2@b.test plain"],
  },
];

describe("same_domain_copy_routing", () => {
  for (const { to, routers } of recorded) {
    test(to.join(" "), async () => {
      assert.deepEqual(await routed(to), routers);
    });
  }

  test("is not for what changes headers, nor without the option", async () => {
    const own = ["z1@b.test plain", "a1@b.test copying"];
    assert.deepEqual(
      await routed(["z1@b.test", "a1@b.test"], "  same_domain_copy_routing\n  headers_add = X-A: b"),
      own,
    );
    assert.deepEqual(await routed(["z1@b.test", "a1@b.test"], "  no_same_domain_copy_routing"), own);
  });

  test("takes hosts and transport over, and return path; nothing that the router has found out about the other", async () => {
    const { route } = routingOf(policy("  same_domain_copy_routing\n  errors_to = owner@b.test"));
    const memory = new RoutingMemory();
    const deliver = { purpose: "deliver", memory } as const;
    await route("a1@b.test", deliver);
    const { outcomes, trace } = await route("z1@b.test", deliver);
    const [delivery] = outcomes;
    assert.ok(delivery?.kind === "deliver");
    assert.deepEqual(
      [delivery.transport, delivery.hosts?.map(({ address }) => address), delivery.errorsTo],
      ["remote", ["192.0.2.1"], "owner@b.test"],
    );
    assert.equal(textOf(delivery.variables.get("local_part") ?? ""), "z1");
    assert.equal(delivery.variables.get("address_data"), undefined);
    assert.deepEqual(trace.map(({ said, why }) => [said, why]).at(-1), ["accepted", "same_domain_copy_routing"]);
  });

  test("an unseen copy goes its own way", async () => {
    const lines = await routed(["a1@b.test"], "  same_domain_copy_routing\n  unseen");
    assert.deepEqual(lines.toSorted(), ["a1@b.test copying", "a1@b.test plain"]);
  });

  test("nothing is copied where an address is only looked at", async () => {
    const { route } = routingOf(policy());
    const memory = new RoutingMemory();
    await route("a1@b.test", { purpose: "recipient", memory });
    const [outcome] = (await route("z1@b.test", { purpose: "recipient", memory })).outcomes;
    assert.equal(outcome?.router, "plain");
  });
});
