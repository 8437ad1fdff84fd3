import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ValueError } from "../../src/config/problems.ts";
import { boolean, domainName, integer, time, timeout, unquote } from "../../src/config/values.ts";

const MINUTE = 60_000;

/** Exim specification, "Configuration file": integers, times, booleans, strings. `undefined`: refused. */
const cases: { read: (text: string) => unknown; text: string; want: unknown }[] = [
  { read: integer, text: "42", want: 42 },
  { read: integer, text: "0", want: 0 },
  { read: integer, text: "017", want: 15 },
  { read: integer, text: "0x1f", want: 31 },
  { read: integer, text: "50M", want: 50 * 1024 * 1024 },
  { read: integer, text: "2k", want: 2048 },
  { read: integer, text: "1G", want: 1024 ** 3 },
  { read: integer, text: "", want: undefined },
  { read: integer, text: "-1", want: undefined },
  { read: integer, text: "5 M", want: undefined },
  { read: integer, text: "5T", want: undefined },
  { read: integer, text: "$x", want: undefined },
  { read: time, text: "5m", want: 5 * MINUTE },
  { read: time, text: "1h30m", want: 90 * MINUTE },
  { read: time, text: "30m1h", want: 90 * MINUTE },
  { read: time, text: "1w2d", want: 9 * 24 * 60 * MINUTE },
  { read: time, text: "0s", want: 0 },
  { read: time, text: "300", want: undefined },
  { read: time, text: "0", want: undefined },
  { read: time, text: "5 m", want: undefined },
  { read: time, text: "", want: undefined },
  { read: timeout, text: "0s", want: undefined },
  { read: timeout, text: "4w", want: undefined },
  { read: boolean, text: "yes", want: true },
  { read: boolean, text: "False", want: false },
  { read: boolean, text: "1", want: undefined },
  { read: domainName, text: "mx-1.example.org", want: "mx-1.example.org" },
  { read: domainName, text: "a..b", want: undefined },
  { read: domainName, text: "a b", want: undefined },
  { read: unquote, text: "a # b", want: "a # b" },
  { read: unquote, text: '"a\\n\\x41\\101\\\\\\q"', want: "a\nAA\\q" },
  { read: unquote, text: '"a" b', want: undefined },
  { read: unquote, text: '"a', want: undefined },
];

describe("values of options", () => {
  for (const { read, text, want } of cases) {
    test(`${read.name} ${JSON.stringify(text)}`, () => {
      if (want === undefined) assert.throws(() => read(text), ValueError);
      else assert.equal(read(text), want);
    });
  }
});
