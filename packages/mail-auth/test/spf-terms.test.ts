import assert from "node:assert/strict";
import { test } from "node:test";
import type { LibraryResolver } from "../src/query-adapter.ts";
import { withoutBallast } from "../src/spf-terms.ts";

async function seen(record: string, client: string): Promise<string> {
  const resolver: LibraryResolver = async () => [[record]];
  const [strings = []] = await withoutBallast(resolver, client)("b.example", "TXT");
  return [strings].flat().join("");
}

const rows = [
  [
    "no address of the client",
    "v=spf1 ip4:198.51.100.1 a ip6:2001:db8::/32 -ip4:203.0.113.0/24 mx -all",
    "192.0.2.1",
    "v=spf1 a mx -all",
  ],
  [
    "the first that matches",
    "v=spf1 ip4:198.51.100.1 a -ip4:192.0.2.0/24 mx ip4:192.0.2.1 ~all",
    "192.0.2.1",
    "v=spf1 a -ip4:192.0.2.0/24 mx ~all",
  ],
  [
    "IPv6",
    "v=spf1 ip4:192.0.2.1 ?ip6:2001:db8:1::/48 ip6:2001:db8:2::/48 -all",
    "2001:db8:1::9",
    "v=spf1 ?ip6:2001:db8:1::/48 -all",
  ],
  [
    "an IPv4-mapped client",
    "v=spf1 ip4:192.0.2.1 ip6:::ffff:192.0.2.1 -all",
    "::ffff:192.0.2.1",
    "v=spf1 ip4:192.0.2.1 -all",
  ],
  ["all addresses", "v=spf1 ip4:0.0.0.0/0 -all", "192.0.2.1", "v=spf1 ip4:0.0.0.0/0 -all"],
  [
    "faults stay",
    "v=spf1 ip4:192.0.2 ip4:192.0.2.1/33 ip4:1.2.3.4/01 ip6:192.0.2.1 ip4: -all",
    "192.0.2.9",
    "v=spf1 ip4:192.0.2 ip4:192.0.2.1/33 ip4:1.2.3.4/01 ip6:192.0.2.1 ip4: -all",
  ],
  [
    "modifiers of others go, with macros they stay",
    "v=spf1 a=b x.y-z= op=%{d} exp=e.example redirect=r.example 1=2",
    "192.0.2.1",
    "v=spf1 op=%{d} exp=e.example redirect=r.example 1=2",
  ],
  [
    "delimiters",
    "v=spf1 exists:%{l1r+-}.%{d2.}.%{s.-,}.x -all",
    "192.0.2.1",
    "v=spf1 exists:%{l1r-+}.%{d2.}.%{s-.,}.x -all",
  ],
  ["another text", "ip4:192.0.2.9  a=b", "192.0.2.1", ""],
  ["too long", `v=spf1 exists:${"%{s}".repeat(2000)}.x -all`, "192.0.2.1", "v=spf1 record-too-long"],
  ["long, but of addresses", `v=spf1 ${"ip4:198.51.100.1 ".repeat(900)}-all`, "192.0.2.1", "v=spf1 -all"],
  [
    "an eleventh lookup (RFC 7208 §4.6.4)",
    `v=spf1 ip4:198.51.100.1 ${"a:%{l}.x ".repeat(7)}mx ?ptr -exists:b.x +A/24 all.x -all`,
    "192.0.2.1",
    `v=spf1 ${"a:%{l}.x ".repeat(7)}mx ?ptr -exists:b.x include:more-than-ten-dns-lookups..invalid +A/24 all.x -all`,
  ],
  [
    "ten lookups",
    `v=spf1 ${"include:b.x ".repeat(10)}exp=c.x -all`,
    "192.0.2.1",
    `v=spf1 ${"include:b.x ".repeat(10)}exp=c.x -all`,
  ],
  [
    "a redirect as the eleventh",
    `v=spf1 redirect=c.x${" mx".repeat(10)}`,
    "192.0.2.1",
    `v=spf1 redirect=c.x${" mx".repeat(10)} include:more-than-ten-dns-lookups..invalid`,
  ],
  ["64 macros", `v=spf1 a:${"%{d}".repeat(64)}`, "192.0.2.1", `v=spf1 a:${"%{d}".repeat(64)}`],
  ["65 macros", `v=spf1 a:${"%{d}".repeat(65)}`, "192.0.2.1", "v=spf1 too-many-macros"],
] as const;

for (const [name, record, client, want] of rows) test(name, async () => assert.equal(await seen(record, client), want));

test("other questions are as they were", async () => {
  const resolver: LibraryResolver = async (_name, type) => (type === "A" ? ["192.0.2.1"] : []);
  assert.deepEqual(await withoutBallast(resolver, "192.0.2.1")("b.example", "A"), ["192.0.2.1"]);
});

test("macros are counted over all records of a check", async () => {
  const resolver = withoutBallast(async () => [[`v=spf1 a:${"%{d}".repeat(30)}.x`]], "192.0.2.1");
  const lengths = [];
  for (const name of ["a.x", "b.x", "c.x"]) lengths.push(String(await resolver(name, "TXT")).length);
  assert.deepEqual(lengths, [131, 131, "v=spf1 too-many-macros".length]);
});
