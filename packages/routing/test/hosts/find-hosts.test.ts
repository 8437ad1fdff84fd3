import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer, RecordType, Resolver } from "@postbus/dns";
import { DeferError } from "@postbus/mail";
import type { Delivery } from "../../src/index.ts";
import { routingOf, TRANSPORTS } from "../routing-of.ts";

type Records = Readonly<Record<string, { readonly records: readonly unknown[]; readonly isAuthenticated?: boolean }>>;

/** Keeps a resolver's promises for the names that it knows, `MX x.test`; says how many are asked at one time. */
class FakeResolver implements Resolver {
  readonly #records: Records;
  readonly #dead: readonly string[];
  #asked = 0;
  mostAtOnce = 0;

  constructor(records: Records, dead: readonly string[] = []) {
    this.#records = records;
    this.#dead = dead;
  }

  async resolve<T extends RecordType>(name: string, type: T): Promise<Answer<T>> {
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#asked);
    await new Promise((resolve) => setImmediate(resolve));
    this.#asked--;
    if (this.#dead.includes(name)) throw new DeferError("dns", "no answer");
    const found = this.#records[`${type} ${name}`];
    const common = { authenticated: found?.isAuthenticated === true, ttlSeconds: 60 };
    if (found === undefined) return { state: "no data", ...common };
    return {
      state: "found",
      records: found.records as Extract<Answer<T>, { state: "found" }>["records"],
      name,
      ...common,
    };
  }
}

const route = async (resolver: Resolver, options: string, address = "a@x.test") => {
  const text = `primary_hostname = mx.test.example
begin routers
r:
  driver = dnslookup
  transport = remote
${options}
${TRANSPORTS}`;
  const { outcomes } = await routingOf(text, { resolver }).route(address);
  const [first] = outcomes;
  if (first?.kind !== "deliver") return first !== undefined && "text" in first ? first.text : first?.kind;
  return (first satisfies Delivery).hosts?.map(
    ({ name, address: at, isAuthenticated, isRecordAuthenticated }) =>
      `${name} ${at}${isRecordAuthenticated ? " MX" : ""}${isAuthenticated ? " AD" : ""}`,
  );
};

const mx = (...names: readonly string[]) => names.map((exchange, i) => ({ preference: 10 * i, exchange }));

const SIGNED: Records = {
  "MX x.test": { records: mx("a.test", "b.test"), isAuthenticated: true },
  "A a.test": { records: ["192.0.2.1"], isAuthenticated: true },
  "A b.test": { records: ["192.0.2.2"] },
};

test("name and address have to be vouched for, the domains of a list only", async () => {
  assert.deepEqual(await route(new FakeResolver(SIGNED), ""), ["a.test 192.0.2.1 MX AD", "b.test 192.0.2.2 MX"]);
  assert.deepEqual(await route(new FakeResolver(SIGNED), "  dnssec_request_domains = other.test"), [
    "a.test 192.0.2.1",
    "b.test 192.0.2.2",
  ]);
});

test("an answer that nobody vouches for is a deferral where that is required", async () => {
  const { "A b.test": _, ...rest } = SIGNED;
  const unsigned = { ...rest, "MX x.test": { records: mx("a.test") } };
  assert.equal(await route(new FakeResolver(unsigned), "  dnssec_require_domains = *"), "host lookup done insecurely");
});

test("hosts are asked for at one time, so that one dead server is waited for once", async () => {
  const names = Array.from({ length: 8 }, (_, i) => `h${i}.test`);
  const resolver = new FakeResolver(
    { "MX x.test": { records: mx(...names) }, "A h7.test": { records: ["192.0.2.7"] } },
    names.slice(0, 7),
  );
  const hosts = await route(resolver, "");
  assert.equal(hosts?.at(-1), "h7.test 192.0.2.7");
  assert.equal(resolver.mostAtOnce, 16);
});

test("a domain with very many records is no reason to ask very many questions", async () => {
  const names = Array.from({ length: 500 }, (_, i) => `h${i}.test`);
  const resolver = new FakeResolver({
    "MX x.test": { records: mx(...names) },
    "A h0.test": { records: ["192.0.2.7"] },
  });
  const hosts = await route(resolver, "");
  assert.equal(hosts?.length, 50);
  assert.ok(resolver.mostAtOnce <= 20);
});

test("dns_again_means_nonexist makes a dead server one that says no", async () => {
  const text = `primary_hostname = mx.test.example
dns_again_means_nonexist = dead.test
begin routers
r:
  driver = dnslookup
  transport = remote
${TRANSPORTS}`;
  const { lines } = routingOf(text, { resolver: new FakeResolver({}, ["dead.test", "gone.test"]) });
  assert.deepEqual(await lines("a@dead.test"), ["a@dead.test is undeliverable: Unrouteable address"]);
  assert.deepEqual(await lines("a@gone.test"), [
    "a@gone.test cannot be resolved at this time: host lookup did not complete",
  ]);
});

test("SRV hosts of equal priority are first as often as their weights say", async () => {
  const records = [1, 9].map((weight) => ({ priority: 1, weight, port: 25, target: `w${weight}.test` }));
  const resolver = new FakeResolver({
    "SRV _smtp._tcp.x.test": { records },
    "A w1.test": { records: ["192.0.2.1"] },
    "A w9.test": { records: ["192.0.2.9"] },
  });
  const text = `primary_hostname = mx.test.example
begin routers
r:
  driver = dnslookup
  check_srv = smtp
  transport = remote
${TRANSPORTS}`;
  const { route: routed, context } = routingOf(text, { resolver });
  const firsts = new Map<string, number>();
  for (let i = 0; i < 11; i++) {
    let calls = 0;
    const random = (below: number): number => (calls++ === 0 ? i : 0) % below;
    const { outcomes } = await routed("a@x.test", { surroundings: { ...context.surroundings, random } });
    const [found] = outcomes;
    const name = found?.kind === "deliver" ? (found.hosts?.[0]?.name ?? "") : "";
    firsts.set(name, (firsts.get(name) ?? 0) + 1);
  }
  assert.deepEqual(Object.fromEntries(firsts), { "w1.test": 2, "w9.test": 9 });
});
