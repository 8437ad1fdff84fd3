import assert from "node:assert/strict";
import { test } from "node:test";
import { authservIds } from "../../src/compiled/authserv-ids.ts";
import { readConfiguration } from "../../src/reader/read-configuration.ts";

const names = { primaryHostname: "MX.Test", qualifyDomain: "site.test", qualifyRecipient: "users.test" };

const rows = [
  ["accept", ["mx.test"]],
  ["warn add_header = :at_start:${authresults {$primary_hostname}}", ["mx.test"]],
  ["warn add_header = ${authresults{Other.Test}}", ["mx.test", "other.test"]],
  ["warn set acl_m_a = ${authresults { a.test 1 }}${authresults{b.test}}", ["mx.test", "a.test", "b.test"]],
  ["warn add_header = ${authresults{$acl_m_id}}", ["mx.test"]],
  ["warn add_header = ${authresults{$qualify_domain}}", ["mx.test", "site.test"]],
  ["warn add_header = ${authresults{in.${qualify_recipient} 1}}", ["mx.test", "in.users.test"]],
  ["warn add_header = ${authresults{$acl_m_id.$qualify_domain}}", ["mx.test"]],
] as const;

const seals = [
  ["arc_sign = Seal.Test : sel : /key", ["mx.test", "seal.test"]],
  ["arc_sign = <; Seal.Test; sel; /key", ["mx.test", "seal.test"]],
  ["arc_sign = $qualify_domain : sel : /key", ["mx.test", "site.test"]],
  ["arc_sign = <; arc.${qualify_domain} ; sel; /key", ["mx.test", "arc.site.test"]],
  ["arc_sign = $sender_address_domain : sel : /key", ["mx.test"]],
  ["arc_sign = ${if eq{a}{b}{x : y : z}}", ["mx.test"]],
] as const;
for (const [option, want] of seals) {
  test(`${option}: ${want.join(" and ")}`, () => {
    const text = Buffer.from(`begin transports\nt:\n  driver = smtp\n  ${option}\n`, "latin1");
    const { configuration } = readConfiguration({ file: "/p", readFile: (path) => (path === "/p" ? text : undefined) });
    assert.deepEqual(authservIds(configuration, names), want);
  });
}

for (const [statement, want] of rows) {
  test(`${statement}: ${want.join(" and ")}`, () => {
    const text = Buffer.from(`acl_smtp_data = d\nbegin acl\nd:\n  ${statement}\n`, "latin1");
    const { configuration } = readConfiguration({ file: "/p", readFile: (path) => (path === "/p" ? text : undefined) });
    assert.deepEqual(authservIds(configuration, names), want);
  });
}
