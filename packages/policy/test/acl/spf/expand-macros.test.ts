import assert from "node:assert/strict";
import { test } from "node:test";
import { expandMacros } from "../../../src/acl/spf/expand-macros.ts";

const values = {
  sender: "strong-bad@email.example.com",
  domain: "email.example.com",
  clientAddress: "192.0.2.3",
  helo: "helo.example.com",
  receiver: "mx.test",
  seconds: 1_700_000_000,
};

/** The examples of RFC 7208 §7.4, then the letters of explanations (§7.2), then what is no macro. */
const rows = [
  ["%{s}", "strong-bad@email.example.com"],
  ["%{o}", "email.example.com"],
  ["%{d}", "email.example.com"],
  ["%{d4}", "email.example.com"],
  ["%{d3}", "email.example.com"],
  ["%{d2}", "example.com"],
  ["%{d1}", "com"],
  ["%{dr}", "com.example.email"],
  ["%{d2r}", "example.email"],
  ["%{l}", "strong-bad"],
  ["%{l-}", "strong.bad"],
  ["%{lr}", "strong-bad"],
  ["%{lr-}", "bad.strong"],
  ["%{l1r-}", "strong"],
  ["%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"],
  ["%{h} %{c} %{r} %{t} %{p}", "helo.example.com 192.0.2.3 mx.test 1700000000 unknown"],
  ["%{S}", "strong-bad%40email.example.com"],
  ["a%_b%%c%-d", "a b%c%20d"],
  ["%{d999}", "email.example.com"],
  ["100% %{q} %{s %", "100% %{q} %{s %"],
] as const;

for (const [text, want] of rows) test(`${text}: ${want}`, () => assert.equal(expandMacros(text, values), want));

test("an IPv6 address is its nibbles (RFC 7208 §7.4)", () => {
  const v6 = { ...values, clientAddress: "2001:db8::cb01" };
  assert.equal(
    expandMacros("%{ir}.%{v}._spf.%{d2}", v6),
    "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com",
  );
  assert.equal(expandMacros("%{c}", v6), "2001:db8::cb01");
});
