import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { extractAddress } from "../../src/redirect/extract-address.ts";

/** Addresses, and Exim's words for what is none, as `exim -bt` shows them for a redirect list. */
const cases: readonly [text: string, result: string][] = [
  ["ann", "ann"],
  ["ann@x.example", "ann@x.example"],
  ["<ann@x.example>", "ann@x.example"],
  ["Ann B <ann@x.example> (comment)", "ann@x.example"],
  ['"Ann, B" <ann@x.example>', "ann@x.example"],
  ["<@relay.example,@other.example:ann@x.example>", "ann@x.example"],
  ["<ann>", "ann"],
  ["ann (a (b) c) @ x.example", "ann@x.example"],
  ['"a b"@x.example', '"a b"@x.example'],
  ["a..b.@x.example", "a..b.@x.example"],
  ["ann@[192.0.2.1]", "ann@[192.0.2.1]"],
  ["ann@[IPv6:2001:db8::1]", "ann@[IPv6:2001:db8::1]"],
  ["/x=1/@gateway.example", "/x=1/@gateway.example"],
  ["a @ b . example", "a@b.example"],
  ["a@x-.example", "a@x-.example"],
  ["< a@x.example >", "a@x.example"],
  ["(nothing)", "empty"],
  ["", "empty"],
  ["a@b@c", "malformed address: @c may not follow a@b"],
  ["a@b junk", "malformed address: junk may not follow a@b "],
  ["a b@x.example", 'missing or malformed local part (expected word or "<")'],
  ["gr: a@x.example", 'missing or malformed local part (expected word or "<")'],
  ["a@x_y.example", "malformed address: _y.example may not follow a@x"],
  ["a@x.example.", "domain missing or malformed"],
  ["a@\xc3\xa4.example", "domain missing or malformed"],
  ["<>", "missing or malformed local part"],
  ["<<a@x.example>>", "missing or malformed local part"],
  ['"a"b@x.example', 'missing or malformed local part (expected word or "<")'],
  ["a@", "domain missing or malformed"],
  ["a@x..example", "domain missing or malformed"],
  ["a@-x.example", "domain missing or malformed"],
  ["@x.example", "no local part"],
  ["<a@x.example", "'>' missing at end of address"],
  ['"a', "unmatched doublequote in local part"],
  ["a@[1.2.3", "malformed domain literal"],
];

for (const [text, expected] of cases) {
  test(JSON.stringify(text), () => {
    const found = extractAddress(text);
    const domain = found.kind === "address" && found.domain !== "" ? `@${found.domain}` : "";
    const shown =
      found.kind === "address" ? `${found.localPart}${domain}` : found.kind === "wrong" ? found.reason : "empty";
    assert.equal(shown, expected);
  });
}

test("no text makes it throw", () => {
  const pieces = fc.constantFrom(...'ab.@<>()[]":;,\\ \t-_/|1\xe4', "x.example", "(", "<@");
  fc.assert(fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => void extractAddress(parts.join(""))));
});

for (const piece of ["(", "a.", '"', "a ", "<@a,", "\\(", "@a.", "a@a-"]) {
  test(`it takes time by the length of the text: ${piece}…`, () => {
    const start = performance.now();
    extractAddress(piece.repeat(200_000));
    assert.ok(performance.now() - start < 60_000);
  });
}
