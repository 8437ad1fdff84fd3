import assert from "node:assert/strict";
import { resolve, sep } from "node:path";
import { describe, test } from "node:test";
import { DeferError } from "@postbus/mail";
import fc from "fast-check";
import { mailboxPath } from "../../src/builtin/mailbox-path.ts";
import { nextHops } from "../../src/builtin/next-hops.ts";
import { parseRetryRule } from "../../src/builtin/retry-rule.ts";
import { ValueError } from "../../src/config/problems.ts";

const HOUR = 3_600_000;

describe("nextHops", () => {
  const cases = [
    { text: "127.0.0.1::2526", want: ["127.0.0.1::2526"] },
    { text: "mx1.a.test : mx2.a.test::587", want: ["mx1.a.test", "mx2.a.test::587"] },
    { text: "<; [::1]:25 ; 2001:db8::1 ; [2001:db8::2]", want: ["[::1]::25", "2001:db8::1", "2001:db8::2"] },
    { text: "", want: [] },
  ];
  for (const { text, want } of cases) test(`"${text}"`, () => assert.deepEqual(nextHops(text), want));
  for (const text of ["a.test::0", "a.test::99999", "a.test/MX", "a : + : b", "a b", "$host", ".a"]) {
    test(`"${text}" is refused`, () => assert.throws(() => nextHops(text), ValueError));
  }
});

describe("parseRetryRule", () => {
  test("Exim's example", () => {
    assert.deepEqual(parseRetryRule("F,2h,15m; G,16h,1h,1.5; H,4d,6h,2"), [
      { kind: "F", cutoffMs: 2 * HOUR, intervalMs: HOUR / 4 },
      { kind: "G", cutoffMs: 16 * HOUR, intervalMs: HOUR, factor: 1.5 },
      { kind: "H", cutoffMs: 96 * HOUR, intervalMs: 6 * HOUR, factor: 2 },
    ]);
  });
  test("an empty rule has no steps", () => assert.deepEqual(parseRetryRule(" "), []));
  for (const text of [
    "F,2h",
    "F,2h,0s",
    "F,2h,15m,2",
    "G,2h,15m",
    "G,2h,15m,0.5",
    "X,1h,1m",
    "F,2,15",
    "G,1h,1m,2,3",
  ]) {
    test(`"${text}" is refused`, () => assert.throws(() => parseRetryRule(text), ValueError));
  }
});

describe("mailboxPath", () => {
  const cases = [
    { address: "ann@a.test", want: "/m/a.test/ann" },
    { address: "Ann@A.Test", want: "/m/a.test/ann" },
    { address: '"a b"@a.test', want: "/m/a.test/a b" },
    { address: '"ann"@a.test', want: "/m/a.test/ann" },
    { address: "...@a.test", want: "/m/a.test/..." },
    { address: "postmaster", want: "/m/here.test/postmaster" },
    { address: "ann+news@a.test", want: "/m/a.test/ann+news" },
  ];
  for (const { address, want } of cases)
    test(address, () => assert.equal(mailboxPath("/m", "here.test", address), want));

  const refused = [
    "@a.test",
    ".@a.test",
    "..@a.test",
    "../x@a.test",
    '"../x"@a.test',
    '"\\.."@a.test',
    "a/b@a.test",
    "a\0@a.test",
    "a\n@a.test",
    `${"x".repeat(65)}@a.test`,
    "ann@",
    "ann@..",
    "ann@../../etc",
    "a\\b@a.test",
    "\x7f@a.test",
  ];
  for (const address of refused) {
    test(`${JSON.stringify(address)} gets none`, () =>
      assert.throws(() => mailboxPath("/m", "here.test", address), DeferError));
  }

  test("whatever the address, the path is two levels below the base or there is none", () => {
    const part = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("..", ".", "/", '"..\\/"', "\0", "a/../.."));
    fc.assert(
      fc.property(part, part, (local, domain) => {
        try {
          const path = mailboxPath("/m", "here.test", `${local}@${domain}`);
          assert.equal(resolve(path), path);
          assert.deepEqual(path.split(sep).slice(0, 2), ["", "m"]);
          assert.equal(path.split(sep).length, 4);
        } catch (err) {
          assert.ok(err instanceof DeferError);
        }
      }),
    );
  });
});
