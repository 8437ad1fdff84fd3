import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createResolver, parseServers } from "@postbus/dns";
import { type DnsZone, startDnsServer } from "@postbus/testkit";
import { checkSpf } from "../src/index.ts";
import { resolverFor } from "./dns-lab.ts";

const spf = (...TXT: string[]) => ({ TXT });
const zone: DnsZone = {
  "pass.example": spf("v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all"),
  "fail.example": spf("v=spf1 -all"),
  "softfail.example": spf("v=spf1 ~all"),
  "neutral.example": spf("v=spf1 ?all"),
  "nothing.example": spf("some other text"),
  "two.example": spf("v=spf1 -all", "v=spf1 +all"),
  "bad.example": spf("v=spf1 foo:bar -all"),
  "loop.example": spf("v=spf1 include:loop.example -all"),
  "redirect-loop.example": spf("v=spf1 redirect=redirect-loop.example"),
  "include.example": spf("v=spf1 include:pass.example -all"),
  "a.example": { ...spf("v=spf1 a -all"), A: ["192.0.2.1"] },
  "mx.example": { ...spf("v=spf1 mx -all"), MX: ["10 a.example"] },
  "void.example": spf("v=spf1 a:v1.test.example a:v2.test.example a:v3.test.example +all"),
  "many.example": spf(`v=spf1 ${Array.from({ length: 11 }, (_, i) => `exists:e${i}.many.example`).join(" ")} +all`),
  "unaskable.example": spf(`v=spf1 ${"a:x..example ".repeat(11)}+all`),
  "unaskable-include.example": spf("v=spf1 include:unaskable.example +all"),
  "unaskable-redirect.example": spf(`v=spf1 redirect=pass.example ${"a:x..example ".repeat(10)}`),
  "ten-unaskable.example": spf(`v=spf1 ${"a:x..example ".repeat(10)}+all`),
  "early.example": spf(`v=spf1 ip4:192.0.2.1 ${"a:x..example ".repeat(11)}-all`),
  "fault-behind.example": spf(`v=spf1 ip4:192.0.2.1 ${"a:x..example ".repeat(11)}foo -all`),
  "macros.example": spf(`v=spf1 ${Array.from({ length: 9 }, (_, i) => `include:m${i}.macros.example`).join(" ")} +all`),
  "macro.example": spf("v=spf1 exists:%{ir}.%{l}.macro.example -all"),
  "1.2.0.192.joe.macro.example": { A: ["127.0.0.2"] },
  "delimiters.example": spf("v=spf1 exists:%{l1r+-}.delimiters.example -all"),
  "a.delimiters.example": { A: ["127.0.0.2"] },
  "huge-macro.example": spf(`v=spf1 exists:${"%{s}".repeat(3000)}.x -all`),
  "bad-macro.example": spf("v=spf1 exists:%{z}.example -all"),
  "wide-macro.example": spf("v=spf1 exists:%{d999}.nowhere.example -all"),
  "silent.example": "drop",
  "broken.example": "SERVFAIL",
  "include-silent.example": spf("v=spf1 include:silent.example -all"),
  "long.example": spf(`v=spf1 ${"ip4:198.51.100.1 ".repeat(600)}-all`),
  "xn--bcher-kva.example": spf("v=spf1 +all"),
  "helo.example": spf("v=spf1 ip4:192.0.2.1 -all"),
};
const HOSTILE = `v=spf1 ${"a:%{S9r-}.t ".repeat(300)}-all`;
for (let i = 0; i < 9; i++) Object.assign(zone, { [`m${i}.macros.example`]: spf(HOSTILE) });
for (let i = 0; i < 11; i++) Object.assign(zone, { [`e${i}.many.example`]: {} });

/** Results: RFC 7208 §2.6, §4; the section behind each name. */
const cases = [
  ["designated", "joe@pass.example", "pass", "pass.example"],
  ["not designated", "joe@fail.example", "fail", "fail.example"],
  ["weakly not designated", "joe@softfail.example", "softfail", "softfail.example"],
  ["asserted nothing", "joe@neutral.example", "neutral", "neutral.example"],
  ["no SPF record (§4.5)", "joe@nothing.example", "none", "nothing.example"],
  ["no such domain (§4.3)", "joe@nowhere.example", "none", "nowhere.example"],
  ["two records (§4.5)", "joe@two.example", "permerror", "two.example"],
  ["syntax error (§4.6)", "joe@bad.example", "permerror", "bad.example"],
  ["include loop ends at ten lookups (§4.6.4)", "joe@loop.example", "permerror", "loop.example"],
  ["redirect to itself (§4.6.4)", "joe@redirect-loop.example", "permerror", "redirect-loop.example"],
  ["eleven lookups (§4.6.4)", "joe@many.example", "permerror", "many.example"],
  ["eleven terms whose names cannot be asked for (§4.6.4)", "joe@unaskable.example", "permerror", "unaskable.example"],
  ["eleven of them in an include", "joe@unaskable-include.example", "permerror", "unaskable-include.example"],
  ["ten of them and a redirect", "joe@unaskable-redirect.example", "permerror", "unaskable-redirect.example"],
  ["ten of them", "joe@ten-unaskable.example", "pass", "ten-unaskable.example"],
  ["eleven behind what decides", "joe@early.example", "pass", "early.example"],
  ["a fault behind the limit (§4.6)", "joe@fault-behind.example", "permerror", "fault-behind.example"],
  ["2,700 macros in nine records", `${"+".repeat(64)}@macros.example`, "permerror", "macros.example"],
  ["three void lookups (§4.6.4)", "joe@void.example", "permerror", "void.example"],
  ["include (§5.2)", "joe@include.example", "pass", "include.example"],
  ["a (§5.3)", "joe@a.example", "pass", "a.example"],
  ["mx (§5.4)", "joe@mx.example", "pass", "mx.example"],
  ["macros (§7)", "joe@macro.example", "pass", "macro.example"],
  ["delimiters, in any order (§7.1)", "a-b+c@delimiters.example", "pass", "delimiters.example"],
  ["12 KB of macros", "joe@huge-macro.example", "permerror", "huge-macro.example"],
  ["bad macro (§7.1)", "joe@bad-macro.example", "permerror", "bad-macro.example"],
  ["a macro of more labels than there are (§7.3)", "joe@wide-macro.example", "fail", "wide-macro.example"],
  ["10 KB of record", "joe@long.example", "fail", "long.example"],
  ["no answer (§2.6.6)", "joe@silent.example", "temperror", "silent.example"],
  ["SERVFAIL (§2.6.6)", "joe@broken.example", "temperror", "broken.example"],
  ["no answer in an include (§5.2)", "joe@include-silent.example", "temperror", "include-silent.example"],
  ["domain in capitals", "joe@PASS.Example", "pass", "pass.example"],
  ["U-label (RFC 8616 §4)", Buffer.from("joe@b\u00fccher.example").toString("latin1"), "pass", "xn--bcher-kva.example"],
  ["null reverse-path: HELO (§2.4)", "", "pass", "helo.example"],
  ["no domain", "postmaster", "none", ""],
  ["single label (§4.3)", "joe@localhost", "none", "localhost"],
  ["address literal", "joe@[192.0.2.1]", "none", "[192.0.2.1]"],
  ["label too long (§4.3)", `joe@${"a".repeat(64)}.example`, "none", `${"a".repeat(64)}.example`],
  ["control characters", "joe@pass.example\r\nX: y", "none", "pass.example  x: y"],
  ["quoted local part with an @", '"joe@fail.example"@pass.example', "pass", "pass.example"],
] as const;

test("every result of SPF", async (t) => {
  const resolver = await resolverFor(zone);
  for (const [name, returnPath, result, domain] of cases) {
    await t.test(`${name}: ${result}`, async () => {
      const fact = await checkSpf({ clientAddress: "192.0.2.1", helo: "helo.example", returnPath }, resolver);
      assert.deepEqual({ result: fact.result, domain: fact.domain }, { result, domain }, String(fact.comment));
      assert.match(fact.comment ?? "", /^[\x20-\x7e]*$/);
    });
  }
});

const clients = [
  ["2001:db8::25", "pass"],
  ["::ffff:192.0.2.1", "pass"],
  ["198.51.100.1", "fail"],
  ["not an address", "temperror"],
] as const;

test("addresses of clients", async (t) => {
  const resolver = await resolverFor(zone);
  for (const [clientAddress, result] of clients) {
    await t.test(`${clientAddress}: ${result}`, async () => {
      const fact = await checkSpf({ clientAddress, helo: "helo.example", returnPath: "joe@pass.example" }, resolver);
      assert.equal(fact.result, result, String(fact.comment));
    });
  }
});

test("null reverse-path with a HELO that is no domain: nothing to check", async () => {
  const resolver = await resolverFor(zone);
  for (const helo of ["", "[192.0.2.1]", "pc", "a b"]) {
    assert.equal((await checkSpf({ clientAddress: "192.0.2.1", helo, returnPath: "" }, resolver)).result, "none", helo);
  }
});

test("when time is up, it is temperror", async () => {
  const resolver = await resolverFor(zone);
  const question = { clientAddress: "192.0.2.1", helo: "helo.example", returnPath: "joe@pass.example" };
  assert.equal((await checkSpf(question, resolver, { signal: AbortSignal.abort() })).result, "temperror");
  assert.equal(
    (await checkSpf({ ...question, returnPath: "joe@silent.example" }, resolver, { timeoutMs: 1 })).result,
    "temperror",
  );
});

test("a failure of our own resolver is temperror, never thrown", async () => {
  const resolver = { resolve: () => Promise.reject(new Error("no sockets left")) };
  const fact = await checkSpf({ clientAddress: "192.0.2.1", helo: "h.example", returnPath: "a@b.example" }, resolver);
  assert.equal(fact.result, "temperror");
});

const reasons = [
  ["joe@pass.example", "pass", "mechanism"],
  ["joe@fail.example", "fail", "mechanism"],
  ["joe@softfail.example", "softfail", "mechanism"],
  ["joe@neutral.example", "neutral", "mechanism"],
  ["joe@default.example", "neutral", "default"],
  ["joe@default-redirect.example", "neutral", "default"],
  ["joe@neutral-redirect.example", "neutral", "mechanism"],
  ["joe@default-include.example", "neutral", "default"],
  ["joe@nothing.example", "none", undefined],
  ["joe@two.example", "permerror", undefined],
  ["joe@broken.example", "temperror", undefined],
] as const;

test("what has decided: a mechanism, or that none has matched (RFC 7208 §4.7)", async (t) => {
  const resolver = await resolverFor({
    ...zone,
    "default.example": spf("v=spf1 ip4:198.51.100.1"),
    "default-redirect.example": spf("v=spf1 redirect=default.example"),
    "neutral-redirect.example": spf("v=spf1 redirect=neutral.example"),
    "default-include.example": spf("v=spf1 include:neutral.example"),
  });
  for (const [returnPath, result, reason] of reasons) {
    await t.test(returnPath, async () => {
      const fact = await checkSpf({ clientAddress: "192.0.2.1", helo: "helo.example", returnPath }, resolver);
      assert.deepEqual([fact.result, fact.reason], [result, reason]);
    });
  }
});

test("a record that is given stands for the one of the domain, and of no other", async () => {
  const resolver = await resolverFor(zone);
  const ask = async (record: string) => {
    const question = { clientAddress: "192.0.2.1", helo: "helo.example", returnPath: "joe@nothing.example", record };
    return (await checkSpf(question, resolver)).result;
  };
  assert.equal(await ask("v=spf1 ip4:192.0.2.1 -all"), "pass");
  assert.equal(await ask("v=spf1 include:pass.example ~all"), "pass");
  assert.equal(await ask("v=spf1 ip4:198.51.100.1 ~all"), "softfail");
  assert.equal(
    await ask("v=spf1 a/24 mx/24 ptr ?all"),
    "neutral",
    "what the domain has none of is no fault (Exim 4.98)",
  );
  assert.equal(await ask("no record"), "none");
});

test("no record leads to more queries than RFC 7208 §4.6.4 allows", async () => {
  const hosts = Array.from({ length: 10 }, (_, i) => `${i} h${i}`);
  const many: Record<string, DnsZone[string]> = {
    "greedy.example": spf(`v=spf1 ${hosts.map((_, i) => `mx:m${i}.example`).join(" ")} -all`),
  };
  for (let m = 0; m < 10; m++) {
    many[`m${m}.example`] = { MX: hosts.map((host) => `${host}.m${m}.example`) };
    for (let h = 0; h < 10; h++) many[`h${h}.m${m}.example`] = { A: ["198.51.100.1"] };
  }
  const server = await startDnsServer(many);
  after(() => server.stop());
  const resolver = createResolver({ servers: parseServers(server.address) });
  const question = { clientAddress: "192.0.2.1", helo: "helo.example", returnPath: "joe@greedy.example" };
  assert.equal((await checkSpf(question, resolver)).result, "fail");
  assert.equal(server.queries.length, 111, "the record, ten times a list of hosts, a hundred hosts");
});
