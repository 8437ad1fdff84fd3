import assert from "node:assert/strict";
import { test } from "node:test";
import { resultValue } from "../src/index.ts";

const rows = [
  ["a token", "b.example", "b.example"],
  ["an address", "a/b+c@d.example", "a/b+c@d.example"],
  ["a domain with its sign", "@d.example", "@d.example"],
  ["an IPv4 address", "192.0.2.1", "192.0.2.1"],
  ["an IPv6 address", "2001:db8::1", '"2001:db8::1"'],
  ["an address literal", "[192.0.2.1]", '"[192.0.2.1]"'],
  ["a slash", "a/b", '"a/b"'],
  ["another result", "x;arc=pass", '"x;arc=pass"'],
  ["another result in an address", "x;arc=pass@d", '"x;arc=pass@d"'],
  ["two addresses", "a@b@c", '"a@b@c"'],
  ["quotes", 'a"b\\c', '"a\\"b\\\\c"'],
  ["a line end", "a\r\nb", '"a??b"'],
  ["nothing", "", '""'],
  ["too much", "x".repeat(400), "x".repeat(320)],
] as const;

for (const [name, text, want] of rows) test(`${name} as a value`, () => assert.equal(resultValue(text), want));
