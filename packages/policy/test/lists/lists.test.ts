import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ValueError } from "../../src/config/problems.ts";
import { compileDomainList } from "../../src/lists/domain-list.ts";
import { compileHostList } from "../../src/lists/host-list.ts";

const named = (name: string) => {
  if (name !== "other") throw new ValueError(`+${name}: there is no list of this name`);
  return (subject: string) => subject === "other.test" || subject === "192.0.2.9";
};

/** Exim specification, "Domain lists"; the subject is in lower case. */
const domains = [
  { list: "a.test : b.test", yes: ["a.test", "b.test"], no: ["c.test", "", "x.a.test"] },
  { list: "A.Test", yes: ["a.test"], no: [] },
  { list: "@", yes: ["mx.here.test"], no: ["here.test"] },
  { list: "*", yes: ["a.test", ""], no: [] },
  { list: "*.a.test", yes: ["x.a.test", "y.x.a.test"], no: ["a.test", "xa.test"] },
  { list: "*foo.test", yes: ["barfoo.test", "foo.test"], no: ["foo.test.x"] },
  { list: "!x.a.test : *.a.test", yes: ["y.a.test"], no: ["x.a.test"] },
  { list: "!a.test : !b.test", yes: ["c.test"], no: ["a.test", "b.test"] },
  { list: "! a.test : *", yes: ["b.test"], no: ["a.test"] },
  { list: "a.test : +other", yes: ["other.test", "a.test"], no: ["b.test"] },
  { list: "!+other : *", yes: ["a.test"], no: ["other.test"] },
  { list: "", yes: [], no: ["a.test", ""] },
];

/** Exim specification, "Host lists". */
const hosts = [
  { list: "192.0.2.1", yes: ["192.0.2.1", "::ffff:192.0.2.1"], no: ["192.0.2.2", "::1"] },
  { list: "192.0.2.0/24 : 10.0.0.0/8", yes: ["192.0.2.255", "10.9.9.9"], no: ["192.0.3.0"] },
  {
    list: "<; ::1 ; 2001:db8::/32",
    yes: ["::1", "0:0:0:0:0:0:0:1", "2001:db8:1::5"],
    no: ["2001:db9::1", "127.0.0.1"],
  },
  { list: "<; [::1]", yes: ["::1"], no: [] },
  { list: "*", yes: ["192.0.2.1", "::1"], no: [] },
  { list: "!192.0.2.1 : 192.0.2.0/24", yes: ["192.0.2.2"], no: ["192.0.2.1", "10.0.0.1"] },
  { list: "!192.0.2.1", yes: ["192.0.2.2"], no: ["192.0.2.1"] },
  { list: "+other", yes: ["192.0.2.9"], no: ["192.0.2.1"] },
  { list: ": 192.0.2.1", yes: ["192.0.2.1"], no: ["192.0.2.2"] },
  { list: "0.0.0.0/0", yes: ["192.0.2.1"], no: ["::1"] },
  { list: "", yes: [], no: ["127.0.0.1", "not an address"] },
];

describe("domain lists", () => {
  for (const { list, yes, no } of domains) {
    const matches = compileDomainList(list, "mx.here.test", named);
    test(`"${list}"`, () => {
      for (const domain of yes) assert.equal(matches(domain), true, domain);
      for (const domain of no) assert.equal(matches(domain), false, domain);
    });
  }
  for (const list of ["^a", "lsearch;/x", "@[]", "@mx_any", "/etc/domains", "+nobody", "$primary_hostname"]) {
    test(`"${list}" is refused`, () => assert.throws(() => compileDomainList(list, "h", named), ValueError));
  }
});

describe("host lists", () => {
  for (const { list, yes, no } of hosts) {
    const matches = compileHostList(list, named);
    test(`"${list}"`, () => {
      // Twice: the second answer is remembered.
      for (const address of [...yes, ...yes]) assert.equal(matches(address), true, address);
      for (const address of [...no, ...no]) assert.equal(matches(address), false, address);
    });
  }
  for (const list of [
    "mx.a.test",
    "*.a.test",
    "10.1/8",
    "192.0.2.0/33",
    "@[]",
    "net-lsearch;/x",
    "+include_unknown",
    "+nobody",
  ]) {
    test(`"${list}" is refused`, () => assert.throws(() => compileHostList(list, named), ValueError));
  }
});
