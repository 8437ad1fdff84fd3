import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseRetryError } from "../../src/reader/retry-error.ts";
import { parseRetryRule } from "../../src/reader/retry-rule.ts";
import { parseRewriteRule } from "../../src/reader/rewrite-rule.ts";
import { readText } from "./read-text.ts";

const HOUR = 3_600_000;
const place = { file: "/c", line: 1 };

describe("retry rules", () => {
  test("the rule of Exim's example configuration", () => {
    assert.deepEqual(parseRetryRule("*  *  F,2h,15m; G,16h,1h,1.5; F,4d,6h", place), {
      place,
      pattern: "*",
      error: { kind: "any" },
      senders: undefined,
      steps: [
        { kind: "F", cutoffMs: 2 * HOUR, intervalMs: HOUR / 4 },
        { kind: "G", cutoffMs: 16 * HOUR, intervalMs: HOUR, factor: 1.5 },
        { kind: "F", cutoffMs: 96 * HOUR, intervalMs: 6 * HOUR },
      ],
    });
  });

  test("quotes, senders and no steps", () => {
    const rule = parseRetryRule('"a b" quota_7d senders="x@y : z"', place);
    assert.equal(rule.pattern, "a b");
    assert.deepEqual(rule.error, { kind: "quota", unreadForMs: 7 * 24 * HOUR });
    assert.equal(rule.senders, "x@y : z");
    assert.deepEqual(rule.steps, []);
    assert.equal(parseRetryRule("* * senders=: F,1h,5m", place).senders, ":");
  });

  const errors: readonly (readonly [text: string, want: unknown])[] = [
    ["auth_failed", { kind: "auth_failed" }],
    ["REFUSED", { kind: "refused", hosts: undefined }],
    ["refused_MX", { kind: "refused", hosts: "MX" }],
    ["timeout", { kind: "timeout", isConnect: false, hosts: undefined }],
    ["timeout_A", { kind: "timeout", isConnect: false, hosts: "A" }],
    ["timeout_connect_mx", { kind: "timeout", isConnect: true, hosts: "MX" }],
    ["timeout_DNS", { kind: "timeout_dns" }],
    ["rcpt_4xx", { kind: "rcpt_4xx", code: "4xx" }],
    ["mail_45x", { kind: "mail_4xx", code: "45x" }],
    ["data_452", { kind: "data_4xx", code: "452" }],
    ["quota", { kind: "quota", unreadForMs: 0 }],
  ];
  for (const [text, want] of errors) test(`error ${text}`, () => assert.deepEqual(parseRetryError(text), want));

  /** Verdicts of Exim 4.98. */
  const taken = [
    "* * F,1h, 5m",
    "* * F,1h,5m ;G,2h,1h,2",
    "* * F,1h,5m;  ",
    "* * f,1h,5m",
    "* * G,1h,5m, 1.5",
    "* * H,1h,5m,1",
    "* *",
  ];
  for (const text of taken) test(`"${text}" is taken`, () => assert.doesNotThrow(() => parseRetryRule(text, place)));
  const refused = [
    "*",
    "* F,1h,5m",
    "* * F,1h",
    "* * F,1h,5m,3",
    "* * G,1h,5m",
    "* * G,1h,5m,0.5",
    "* * G,1h,5m,1.5x",
    "* * F ,1h,5m",
    "* * F,1h ,5m",
    "* * F,1h,5m;;G,2h,1h,2",
    "* * F,1h,5m G,2h,1h,2",
    "* * ;",
    "* * X,1h,5m",
    "* * F,1,5m",
    "* * F,1h,0s",
    "* nix F,1h,5m",
    "* quota_x F,1h,5m",
    "* rcpt_4x2 F,1h,5m",
    "* rcpt_4XX F,1h,5m",
    "* mail_552 F,1h,5m",
    "* refused_X F,1h,5m",
    "* timeout_DNS_x F,1h,5m",
    "* * senders F,1h,5m",
    '* "*" F,1h,5m',
  ];
  for (const text of refused) {
    test(`"${text}" is refused`, () => assert.throws(() => parseRetryRule(text, place), { name: "ValueError" }));
  }
});

describe("rewrite rules", () => {
  const where = (text: string): string => [...parseRewriteRule(text, place).where].sort().join("");
  test("where a rule applies", () => {
    assert.equal(where("*@a b@c"), "FTbcfrst");
    assert.equal(where("*@a b@c E"), "FT");
    assert.equal(where("*@a b@c h"), "bcfrst");
    assert.equal(where("*@a b@c fsQ"), "fs");
    assert.equal(where("^a b S"), "S");
  });

  test("what follows", () => {
    const modifiers = (text: string) => {
      const { isLast, isQualified, isRepeated, isWhole } = parseRewriteRule(text, place);
      return [isLast, isQualified, isRepeated, isWhole];
    };
    assert.deepEqual(modifiers("*@a b@c"), [false, false, false, false]);
    assert.deepEqual(modifiers("*@a b@c q"), [true, false, false, false]);
    assert.deepEqual(modifiers("*@a b@c Q"), [false, true, false, false]);
    assert.deepEqual(modifiers("*@a b@c FR w"), [false, false, true, true]);
  });

  test("quotes", () => {
    const rule = parseRewriteRule('"a b" "$1\\tx" F', place);
    assert.equal(rule.pattern, "a b");
    assert.equal(rule.replacement, "$1\tx");
  });

  test("problems have the line", () => {
    assert.deepEqual(readText("begin rewrite\n*@a\n*@a b nix\n*@a b Sq\n").all, [
      "/c:2: missing rewrite replacement string",
      '/c:3: unknown rewrite flag "n" (could be missing quotes round the replacement)',
      "/c:4: the rewrite rule has the S flag but is not a regular expression",
    ]);
  });
});
