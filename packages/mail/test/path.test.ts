import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { isAddressLiteral, isDomain, parsePath } from "../src/index.ts";

const label = (octets: number): string => "a".repeat(octets);

/** Where Exim 4.98 and the RFC differ, the row says so. */
const good = [
  ["<>", ""],
  ["<a@b.example>", "a@b.example"],
  ["<Ann.B+x@EXAMPLE.org>", "Ann.B+x@EXAMPLE.org"],
  ["a@b.example", "a@b.example"], // Exim, Postfix
  ["<postmaster>", "postmaster"],
  ["<@a,@b:u@d>", "u@d"],
  ["<@a.example:u@d>", "u@d"],
  ['<"a b"@d>', '"a b"@d'],
  ['<"\\""@d>', '"\\""@d'],
  ['<"a>b"@d>', '"a>b"@d'],
  ['<"a@b"@d>', '"a@b"@d'],
  ['<""@d>', '""@d'],
  ["<u@[1.2.3.4]>", "u@[1.2.3.4]"],
  ["<u@[IPv6:2001:db8::1]>", "u@[IPv6:2001:db8::1]"],
  ["<u@[IPv6:::1]>", "u@[IPv6:::1]"],
  ["<a..b@d>", "a..b@d"], // Exim
  ["<.a.@d>", ".a.@d"], // Exim
  ["<|cmd@d>", "|cmd@d"],
  ["</etc/passwd@d>", "/etc/passwd@d"],
  [`<\${run{id}}@d>`, `\${run{id}}@d`],
  ["<a%b@d>", "a%b@d"],
  ["<a!b@d>", "a!b@d"],
  [`<${label(65)}@d>`, `${label(65)}@d`], // Exim
  ["<u@xn--bcher-kva.example>", "u@xn--bcher-kva.example"],
] as const;

const octets = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

const bad = [
  "",
  "<",
  "< >",
  "<a@b",
  "a@b>x>",
  "<a b@d>",
  "<a@>",
  "<@d>",
  "<@a,@b>",
  "<u@d.>",
  "<u@.d>",
  "<u@a..d>",
  "<u@-a>",
  "<u@a->",
  "<u@a_b>", // Exim
  "<a@b@c>",
  "<:include:@d>",
  '<"a@d>',
  '<"a"b@d>',
  "<u@[1.2.3.4>",
  "<u@[1.2.3.400]>",
  "<u@[IPv6:1.2.3.4]>",
  "<u@[]>",
  "<\xe4@d>",
  "<u@\xe4>",
  "<a\0@d>",
  "<a\t@d>",
  `<u@${label(64)}>`,
  `<u@${`${label(60)}.`.repeat(5)}a>`,
  `<${label(250)}@example.org>`,
] as const;

describe("parsePath", () => {
  for (const address of ["ö@b.example", "a@bücher.example", '"ö x"@例え.テスト', "ö"].map(octets)) {
    test(`takes <${address}> where UTF-8 is allowed (RFC 6531), and only there`, () => {
      const text = `<${address}>`;
      assert.deepEqual(parsePath(text, 0, { allowsUtf8: true }), { kind: "path", address, end: text.length });
      assert.deepEqual(parsePath(text), { kind: "invalid", reason: "non-ASCII address without SMTPUTF8" });
    });
  }

  for (const address of [
    "\xff@b.example",
    "a@\xc3.example",
    "\xc2\x85@b.example",
    octets("a@ü-.example/"),
    octets("a@ü..example"),
  ]) {
    test(`does not take ${JSON.stringify(address)} even there`, () =>
      assert.equal(parsePath(`<${address}>`, 0, { allowsUtf8: true }).kind, "invalid"));
  }

  for (const [text, address] of good) {
    test(`takes ${text}`, () => assert.deepEqual(parsePath(text), { kind: "path", address, end: text.length }));
  }
  for (const text of bad) {
    test(`refuses ${JSON.stringify(text)}`, () => {
      const path = parsePath(text);
      assert.ok(path.kind === "invalid" || path.end < text.length, JSON.stringify(path));
    });
  }

  describe("leniencies, as Exim 4.98 with its options", () => {
    const lenient = { stripsTrailingDot: true, stripsExcessBrackets: true };
    const rows: readonly [text: string, address: string | undefined][] = [
      ["<a@b.test.>", "a@b.test"],
      ["a@b.test.", "a@b.test"],
      ["<a@b.test..>", undefined],
      ["<a@.>", undefined],
      ["<a@[192.0.2.1].>", undefined],
      ["<<a@b.test>>", "a@b.test"],
      ["<<<<a@b.test.>>>>", "a@b.test"],
      ['<<"a>b"@b.test>>', '"a>b"@b.test'],
      ["<<@c.test:a@b.test>>", "a@b.test"],
      ["<<>>", ""],
      ["<<a@b.test>", undefined],
      ["<<<a@b.test>>", undefined],
      ["< <a@b.test>>", undefined],
      ["<", undefined],
    ];
    for (const [text, address] of rows) {
      test(text, () => {
        const parsed = parsePath(`FROM:${text} SIZE=1`, 5, lenient);
        if (address === undefined) assert.equal(parsed.kind, "invalid");
        else assert.deepEqual(parsed, { kind: "path", address, end: 5 + text.length });
        if (text !== "<>") assert.equal(parsePath(text).kind, "invalid");
      });
    }
    test("a bracket too many at the end is left to the caller", () =>
      assert.deepEqual(parsePath("<a@b.test>>", 0, lenient), { kind: "path", address: "a@b.test", end: 10 }));
  });

  test("says where the path ends, and starts where it is told to", () => {
    assert.deepEqual(parsePath("FROM:<a@b> SIZE=1", 5), { kind: "path", address: "a@b", end: 10 });
  });

  test("never throws, and what it takes it takes again", () => {
    const part = fc.constantFrom(
      "<",
      ">",
      "@",
      "a",
      ".",
      '"',
      "\\",
      "[",
      "]",
      ":",
      ",",
      " ",
      "IPv6:",
      "1.2.3.4",
      "\xe4",
      "-",
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
        const path = parsePath(parts.join(""));
        if (path.kind === "invalid") return;
        const again = parsePath(`<${path.address}>`);
        assert.equal(again.kind === "path" ? again.address : "invalid", path.address);
      }),
    );
  });
});

describe("isDomain", () => {
  for (const text of ["a", "example.org", "1.2", "xn--a", "a-b.c"])
    test(`${text} is one`, () => assert.ok(isDomain(text)));
  for (const text of ["", ".", "a.", ".a", "a b", "a_b", "[1.2.3.4]"]) {
    test(`${JSON.stringify(text)} is none`, () => assert.ok(!isDomain(text)));
  }
});

test("address literals are IPv4 or tagged IPv6", () => {
  assert.ok(isAddressLiteral("[192.0.2.1]"));
  assert.ok(isAddressLiteral("[ipv6:2001:db8::1]"));
  assert.ok(!isAddressLiteral("[2001:db8::1]"));
  assert.ok(!isAddressLiteral("192.0.2.1"));
});
