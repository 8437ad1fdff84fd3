import assert from "node:assert/strict";
import { test } from "node:test";
import { LookupSyntaxError } from "../src/lookup-syntax-error.ts";
import { quoterForLookup } from "../src/quoter-for-lookup.ts";

const SPECIAL = "a\\b'c\"d%_e\n\r\t\bz";

/** Source: `exim -be '${quote_NAME:...}'` (4.96, 4.100). */
const rows: readonly (readonly [string, string, string])[] = [
  ["mysql", SPECIAL, `a\\\\b\\'c\\"d%_e\\n\\r\\t\\bz`],
  ["pgsql", SPECIAL, `a\\\\b''c\\"d%_e\\n\\r\\t\\bz`],
  ["sqlite", SPECIAL, SPECIAL.replace("'", "''")],
  ["redis", "a b\tc\\d", "a\\ b\\\tc\\\\d"],
  ["lsearch", SPECIAL, SPECIAL],
  ["dnsdb", SPECIAL, SPECIAL],
  ["ldap", "a*b(c) d\\e,f+g", "a%5C2Ab%5C28c%5C29%20d%5C5Ce%2Cf+g"],
  ["ldap", "!$.%&/'-_.+\"<>;=~#\x80\n{}a# ", "!$.%25%26%2F'-_.+%22%3C%3E%3B%3D%7E%23%80%0A%7B%7Da%23%20"],
  ["ldap_dn", " #a*b(c) d\\e,f+g ", "%5C%20%5C%23a*b(c)%20d%5C%5Ce%5C%2Cf%5C+g%5C%20"],
  ["ldap_dn", 'x+y"<>;=/&%~#z  ', "x%5C+y%5C%22%5C%3C%5C%3E%5C%3B%3D%2F%26%25%7E%23z%5C%20%5C%20"],
  ["ldap_dn", "   ", "%5C%20%5C%20%5C%20"],
  ["ldapm_dn", "#", "%5C%23"],
  ["ldapdn", "a,b*", "a%2Cb%5C2A"],
];
for (const [name, text, quoted] of rows) {
  test(`quote_${name} makes ${JSON.stringify(quoted)}`, () => {
    assert.equal(quoterForLookup(name).quote(text), quoted);
  });
}

test("types that do not quote say so", () => {
  assert.equal(quoterForLookup("lsearch").hasQuoter, false);
  assert.equal(quoterForLookup("pgsql").hasQuoter, true);
});

const wrong: readonly (readonly [string, string])[] = [
  ["foo", 'unknown lookup type "foo"'],
  ["", 'unknown lookup type ""'],
  ["partial-lsearch", 'unknown lookup type "partial-lsearch"'],
  ["mysql_dn", '"dn" unrecognized after "${quote_mysql"'],
  ["lsearch_x", '"x" unrecognized after "${quote_lsearch"'],
  ["ldap_xn", '"xn" unrecognized after "${quote_ldap"'],
];
for (const [name, message] of wrong) {
  test(`quote_${name} is refused: ${message}`, () => {
    assert.throws(
      () => quoterForLookup(name),
      (err) => err instanceof LookupSyntaxError && err.message === message,
    );
  });
}
