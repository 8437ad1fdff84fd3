import assert from "node:assert/strict";
import { test } from "node:test";
import { routingOf, TRANSPORTS } from "./routing-of.ts";

const TEXT = `primary_hostname = mx.test.example
begin routers
fail:
  driver = redirect
  domains = fail.test
  allow_fail
  allow_defer
  data = \${if eq{$local_part}{f}{:fail: 551 5.1.6 moved}{:defer: come back}}
nocode:
  driver = redirect
  domains = nocode.test
  allow_fail
  forbid_smtp_code
  data = :fail: 551 5.1.6 moved
broken:
  driver = accept
  domains = broken.test
  address_data = $foo
  transport = local
single:
  driver = redirect
  domains = single.test
  data = nobody@none.test
host:
  driver = manualroute
  domains = host.test
  route_data = 10.0.0.1
  address_data = the host
  transport = remote
${TRANSPORTS}`;

const { routing, context } = routingOf(TEXT);
const verify = async (address: string, isGoodWhenRedirected = false) => {
  const {
    trace: _,
    deliveries,
    ...rest
  } = await routing.verify({ kind: "recipient", address, isGoodWhenRedirected }, context);
  return { ...rest, hosts: deliveries.flatMap(({ hosts = [] }) => hosts.map((host) => host.address)) };
};

/** What `verify = recipient` tells the client and the log (Exim's manual, "Address verification options"). */
const cases: readonly { name: string; address: string; says: object }[] = [
  {
    name: "the text behind :fail: is for the client, code included",
    address: "f@fail.test",
    says: {
      result: "bad",
      text: "551 5.1.6 moved",
      log: "551 5.1.6 moved",
      isTextForClient: true,
      failure: "route",
      hosts: [],
    },
  },
  {
    name: "the code falls away with forbid_smtp_code",
    address: "f@nocode.test",
    says: { result: "bad", text: "moved", log: "moved", isTextForClient: true, failure: "route", hosts: [] },
  },
  {
    name: "the text behind :defer: is for the client as well",
    address: "d@fail.test",
    says: {
      result: "unknown",
      text: "come back",
      log: "come back",
      isTextForClient: true,
      failure: "route",
      hosts: [],
    },
  },
  {
    name: "what is wrong with the configuration is not for the client",
    address: "x@broken.test",
    says: {
      result: "unknown",
      text: 'expansion of "$foo" failed in broken router: unknown variable name "foo"',
      log: 'expansion of "$foo" failed in broken router: unknown variable name "foo"',
      isTextForClient: false,
      failure: "route",
      hosts: [],
    },
  },
  {
    name: "an address that becomes one other is as good as that",
    address: "x@single.test",
    says: {
      result: "bad",
      text: "Unrouteable address",
      log: "Unrouteable address",
      isTextForClient: false,
      failure: "route",
      hosts: [],
    },
  },
  {
    name: "what was found out goes along for a callout and for $address_data",
    address: "x@host.test",
    says: { result: "good", addressData: "the host", hosts: ["10.0.0.1"] },
  },
  { name: "an address without a domain is none", address: "x", says: { result: "bad", failure: "qualify", hosts: [] } },
];

for (const { name, address, says } of cases) {
  test(name, async () => assert.deepEqual(await verify(address), says));
}

test("success_on_redirect does not look at what an alias stands for", async () => {
  assert.equal((await verify("x@single.test", true)).result, "good");
});
