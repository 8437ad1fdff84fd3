import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { authorAddresses } from "../../src/dmarc/author-addresses.ts";

/** Sources: RFC 5322 §3.4, §4.4, appendix A; RFC 6854; the bad-input catalogue. */
const cases: readonly (readonly [string, readonly string[]])[] = [
  [" joe@example.org", ["joe@example.org"]],
  [" Joe Q. Public <joe@example.org>", ["joe@example.org"]],
  [' "Public, Joe (x) <y>" <joe@example.org>', ["joe@example.org"]],
  [" <ann@example.org>,\r\n bob@example.net", ["ann@example.org", "bob@example.net"]],
  [" joe@example.org (Joe (the one) Public)", ["joe@example.org"]],
  [" (comment @evil.example) joe@example.org", ["joe@example.org"]],
  [" joe . public @ example . org", ["joe.public@example.org"]],
  [
    "A Group:Ed Jones <ed@a.test>,joe@where.test,John <jdoe@one.test>;",
    ["ed@a.test", "joe@where.test", "jdoe@one.test"],
  ],
  [" Undisclosed recipients:;", []],
  ["", []],
  [" ,,, ", []],
  [' "very.(),:;<>[]\\" odd"@example.org', ['"very.(),:;<>[]\\" odd"@example.org']],
  // Comments within the brackets (RFC 5322 §3.4.1); a `>` in one ends nothing, as with Exim's `${address:…}`.
  [" <(x)a@b (y)>", ["a@b"]],
  [" Boss <ceo@victim.example (x)>", ["ceo@victim.example"]],
  [" <a (c) @ (d) b.example>", ["a@b.example"]],
  [" <a@b.example (> <c@d.example>)>", ["a@b.example"]],
  [' <"a(b)"@c.example>', ['"a(b)"@c.example']],
  // Without an end, it is no comment: all that could be an address is given.
  [" <a@b.example (x>", ["a@b.example (x"]],
  [" <a@b.example (> <c@d.example>)", ["a@b.example (", "c@d.example"]],
  // A display name that looks like an address is what many readers show; the address is still the one in brackets.
  [" ceo@bank.example <joe@evil.example>", ["joe@evil.example"]],
  [' "ceo@bank.example" <joe@evil.example>', ["joe@evil.example"]],
  // Not as the standard wants it: nothing that could be an address is dropped.
  [" <a@one.example> <b@two.example>", ["a@one.example", "b@two.example"]],
  [" <a@one.example", ["a@one.example"]],
  [" (unclosed a@one.example", ["(unclosed a@one.example"]],
  [' "unclosed <a@one.example>', ["a@one.example"]],
  [" <@route.example:a@one.example>", ["@route.example:a@one.example"]],
];

for (const [body, addresses] of cases) {
  test(`From:${JSON.stringify(body).slice(1, -1)}`, () => assert.deepEqual(authorAddresses(body), addresses));
}

test("no input makes it throw", () => {
  fc.assert(fc.property(fc.string(), (body) => Array.isArray(authorAddresses(body))));
  fc.assert(
    fc.property(fc.array(fc.constantFrom("<", ">", "(", ")", '"', "\\", ",", ":", ";", "@", "a", " ")), (chars) => {
      for (const address of authorAddresses(chars.join(""))) assert.equal(typeof address, "string");
    }),
  );
});

test("100 KB of openings take no more than one look at each", () => {
  for (const unit of ["(", '"', "<", "(<", '"(', "a@b,", "\\(", "a:", '<"', "<(", "<()", "<(>)", "<(>)>", '<("']) {
    authorAddresses(unit.repeat(100_000 / unit.length));
  }
});
