import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  type Answer,
  createResolver,
  parseServers,
  type RecordData,
  type RecordType,
  type Resolver,
} from "@postbus/dns";
import { type DnsServer, startDnsServer } from "@postbus/testkit";
import { parseLookupType } from "../../src/parse-lookup-type.ts";
import { dataOf, disposable, lookUp, newScope } from "../lookup-in-file.ts";

type Zone = Readonly<Record<string, { readonly [T in RecordType]?: readonly RecordData[T][] } | "SERVFAIL">>;

/** A resolver that knows a few names; `authenticated` is what it says of all of them. */
function resolverOf(zone: Zone, authenticated = false): Resolver {
  return {
    async resolve<T extends RecordType>(name: string, type: T): Promise<Answer<T>> {
      const entry = zone[name.toLowerCase()];
      if (entry === "SERVFAIL") throw new (await import("@postbus/mail")).DeferError("dns", "SERVFAIL");
      const records: readonly RecordData[T][] = entry?.[type] ?? [];
      const common = { authenticated, ttlSeconds: 300 };
      if (records.length === 0) return { state: entry === undefined ? "no such name" : "no data", ...common };
      return { state: "found", records, name, ...common };
    },
  };
}

const tlsa = Buffer.from("AABBCCDD", "hex");
const zone: Zone = {
  "ex.test": {
    A: ["192.0.2.1"],
    MX: [
      { preference: 10, exchange: "mx0.ex.test" },
      { preference: 20, exchange: "mx2.ex.test" },
    ],
    NS: ["ns.ex.test", "ns2.ex.test"],
    TXT: [
      ["other", "two", "three"],
      ["v=spf1 ", "mx -all"],
    ],
    SOA: [
      { mname: "ns.ex.test", rname: "host.ex.test", serial: 7, refresh: 3600, retry: 600, expire: 86_400, minimum: 60 },
    ],
  },
  "a.ex.test": { A: ["192.0.2.3", "192.0.2.5"], AAAA: ["2001:db8::5"] },
  "six.ex.test": { AAAA: ["2001:db8::6"] },
  "s.ex.test": { SPF: [["v=spf1 ", "-all"]] },
  "al.ex.test": { CNAME: ["a.ex.test"] },
  "te.ex.test": { TXT: [[""]] },
  "nomx.ex.test": { MX: [{ preference: 0, exchange: "" }] },
  "_sip._tcp.ex.test": { SRV: [{ priority: 5, weight: 6, port: 5060, target: "sip.ex.test" }] },
  "_25._tcp.mx1.ex.test": { TLSA: [{ usage: 3, selector: 1, matchingType: 1, certificate: tlsa }] },
  "_client._smtp.csa1.ex.test": { SRV: [{ priority: 1, weight: 2, port: 1, target: "csa1.ex.test" }] },
  "_client._smtp.csa4.ex.test": { SRV: [{ priority: 2, weight: 2, port: 1, target: "csa4.ex.test" }] },
  "5.2.0.192.in-addr.arpa": { PTR: ["a.ex.test", "b.ex.test"] },
  "6.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa": { PTR: ["six.ex.test"] },
  "bad.test": "SERVFAIL",
};

/** Source of the data: `exim -be` (4.96) against Knot with such a zone. */
const rows: readonly (readonly [string, string | undefined])[] = [
  ["a=a.ex.test", "192.0.2.3\n192.0.2.5"],
  ["A = a.ex.test", "192.0.2.3\n192.0.2.5"],
  ["a+=six.ex.test:a.ex.test", "2001:db8::6\n2001:db8::5\n192.0.2.3\n192.0.2.5"],
  [">: a=a.ex.test:ex.test", "192.0.2.3:192.0.2.5:192.0.2.1"],
  [">:a=a.ex.test", "192.0.2.3:192.0.2.5"],
  ["> a=a.ex.test", "192.0.2.3 192.0.2.5"],
  ["mx=ex.test", "10 mx0.ex.test\n20 mx2.ex.test"],
  [">:,# mx=ex.test", "10#mx0.ex.test:20#mx2.ex.test"],
  [">:; mx=ex.test", "10mx0.ex.test:20mx2.ex.test"],
  [">: mxh=ex.test", "mx0.ex.test:mx2.ex.test"],
  ["mx=nomx.ex.test", "0 "],
  ["mxh=nomx.ex.test", undefined],
  ["ns=ex.test", "ns.ex.test\nns2.ex.test"],
  ["soa=ex.test", "ns.ex.test"],
  [">:, soa=ex.test", "ns.ex.test host.ex.test 7 3600 600 86400 60"],
  ["txt=ex.test", "other\nv=spf1 "],
  ["ex.test", "other\nv=spf1 "],
  [">|,/ txt=ex.test", "other/two/three|v=spf1 /mx -all"],
  [">|; txt=ex.test", "othertwothree|v=spf1 mx -all"],
  ["txt=te.ex.test", undefined],
  ["spf=s.ex.test", "v=spf1 -all"],
  ["srv=_sip._tcp.ex.test", "5 6 5060 sip.ex.test"],
  [">:,# srv=_sip._tcp.ex.test", "5#6#5060#sip.ex.test"],
  ["tlsa=_25._tcp.mx1.ex.test", "3 1 1 aabbccdd"],
  ["cname=al.ex.test", "a.ex.test"],
  ["ptr=192.0.2.5", "a.ex.test\nb.ex.test"],
  ["ptr=2001:db8::6", "six.ex.test"],
  ["ptr=<;2001:db8::6;192.0.2.5", "six.ex.test\na.ex.test\nb.ex.test"],
  ["ptr=5.2.0.192.in-addr.arpa", "a.ex.test\nb.ex.test"],
  ["csa=csa1.ex.test", "Y csa1.ex.test"],
  ["csa=csa4.ex.test", undefined],
  ["zns=x.y.ex.test", "ns.ex.test\nns2.ex.test"],
  ["a=none.ex.test", undefined],
  ["a=none.ex.test : a.ex.test", "192.0.2.3\n192.0.2.5"],
  ["a=bad.test", "Failed: dns: SERVFAIL"],
  ["a=bad.test:ex.test", "192.0.2.1"],
  ["defer_strict,a=bad.test:ex.test", "Failed: dns: SERVFAIL"],
  ["defer_strict, a=ex.test:bad.test", "Failed: dns: SERVFAIL"],
  ["defer_never,a=bad.test", undefined],
  ["defer_xx,a=ex.test", "Failed: unsupported dnsdb defer behaviour"],
  ["dnssec_xx,a=ex.test", "Failed: unsupported dnsdb dnssec behaviour"],
  ["dnssec_strict,a=ex.test", "Failed: the answer is not authenticated by DNSSEC"],
  ["retrans_2s,retry_1,a=ex.test", "192.0.2.1"],
  ["retrans_zz,a=ex.test", "Failed: unsupported dnsdb timeout value"],
  ["retry_zz,a=ex.test", "Failed: dnsdb modifier syntax error"],
  ["defer_strict a=ex.test", "Failed: dnsdb modifier syntax error"],
  [">: defer_strict,dnssec_lax,a=ex.test", "192.0.2.1"],
  ["zz=a", "Failed: unsupported DNS record type"],
  ["a=", undefined],
];
for (const [query, data] of rows) {
  test(`${query} gives ${JSON.stringify(data)}`, async () => {
    const answer = await dataOf("dnsdb", query, { settings: { resolver: resolverOf(zone) } });
    const failure = data?.startsWith("Failed: ") ? `Failed: lookup of "${query}" gave DEFER: ${data.slice(8)}` : data;
    assert.equal(answer, failure);
  });
}

test("whether the answer is authenticated is told, found or not", async () => {
  const dnssecOf = async (query: string, authenticated: boolean) =>
    (await lookUp("dnsdb", query, { settings: { resolver: resolverOf(zone, authenticated) } })).dnssec;
  assert.equal(await dnssecOf("a=ex.test", true), "yes");
  assert.equal(await dnssecOf("a=ex.test", false), "no");
  assert.equal(await dnssecOf("a=none.test", false), "no");
  assert.equal(await dnssecOf("dnssec_never,a=ex.test", true), "");
  assert.equal(await dnssecOf("dnssec_strict,a=ex.test", true), "yes");
});

test("an answer is kept no longer than its lowest TTL", async () => {
  let nowMs = 0;
  let asked = 0;
  const inner = resolverOf(zone);
  const resolver: Resolver = {
    resolve(...args) {
      asked++;
      return inner.resolve(...args);
    },
  };
  await using table = disposable({ resolver, now: () => nowMs });
  const scope = newScope();
  const find = async () => table.find({ spec: parseLookupType("dnsdb"), key: "a=ex.test" }, scope);
  await find();
  nowMs = 299_000;
  await find();
  assert.equal(asked, 1);
  nowMs = 300_000;
  await find();
  assert.equal(asked, 2);
});

describe("with a name server", () => {
  let server: DnsServer;
  before(async () => {
    server = await startDnsServer({
      "ex.test": { MX: ["10 mx.ex.test"], TXT: [["a\xff", "b"]] },
      "down.test": "SERVFAIL",
    });
  });
  after(() => server.stop());

  test("records come as they are in the DNS", async () => {
    const settings = { resolver: createResolver({ servers: parseServers(server.address) }) };
    assert.equal(await dataOf("dnsdb", "mx=ex.test", { settings }), "10 mx.ex.test");
    assert.equal(await dataOf("dnsdb", ">:; txt=ex.test", { settings }), "a\xffb");
    assert.match(
      (await dataOf("dnsdb", "a=down.test", { settings })) ?? "",
      /gave DEFER: dns: A down\.test: .*SERVFAIL/,
    );
  });
});
