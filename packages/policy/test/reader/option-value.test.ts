import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { OptionType } from "../../src/options/option.ts";
import { readOptionValue } from "../../src/reader/option-value.ts";

const DAY = 86_400_000;

/** Values as Exim 4.98 has them (`exim -bP`); times in milliseconds. */
const taken: readonly (readonly [type: OptionType, text: string, want: unknown])[] = [
  ["string", "a b", "a b"],
  ["string", "", ""],
  ["string", 'a "b"', 'a "b"'],
  ["string", '"a b"', "a b"],
  ["string", '"a\\tb\\x41\\101\\q\\"\\\\"', 'a\tbAAq"\\'],
  ["string", '"\\1234\\8\\x\\xg\\x4"', "S48xxg\x04"],
  ["string", "a\\n", "a\\n"],
  ["boolean", "", true],
  ["boolean", "true", true],
  ["boolean", "YES", true],
  ["boolean", "no", false],
  ["boolean", "False", false],
  ["boolean*", "${if eq{a}{b}}", "${if eq{a}{b}}"],
  ["boolean*", "no", false],
  ["integer", "20", 20],
  ["integer", "0", 0],
  ["integer", "010", 8],
  ["integer", "0x10", 16],
  ["integer", "0x1K", 1024],
  ["integer", "2k", 2048],
  ["integer", "3G", 3 * 1024 ** 3],
  ["integer", "-5", -5],
  ["integer", "+5", 5],
  ["integer*", "$acl_m1", "$acl_m1"],
  ["integer*", "50M", 50 * 1024 ** 2],
  ["octal", "022", 0o22],
  ["octal", "700", 0o700],
  ["fixed", "1.5", 1.5],
  ["fixed", "1.5555", 1.555],
  ["fixed", "1.", 1],
  ["time", "1h1h", 2 * 3_600_000],
  ["time", "1w1d1h1m1s", 8 * DAY + 3_661_000],
  ["time", "0s", 0],
  ["time*", "$x", "$x"],
  ["time*", "5m", 300_000],
  ["time list", "1h:2h", [3_600_000, 7_200_000]],
  ["time list", "", []],
  ["time list", "0s", []],
  ["list", "a : b", "a : b"],
  ["lines*", '"a\\nb"', ["a\nb"]],
];

/** Refused by Exim 4.98 as well. */
const refused: readonly (readonly [type: OptionType, text: string, message: RegExp])[] = [
  ["string", '"a b" c', /characters after the closing quote/],
  ["string", '"a', /missing quote/],
  ["boolean", "1", /true, false, yes or no is expected, not "1"/],
  ["boolean", "y", /is expected/],
  ["boolean", '"yes"', /is expected/],
  ["boolean*", "nix", /is expected/],
  ["integer", "08", /an integer is expected/],
  ["integer", '"5"', /an integer is expected/],
  ["integer", "5 x", /an integer is expected/],
  ["integer", "1KK", /an integer is expected/],
  ["integer", "", /an integer is expected/],
  ["integer", "99999999999999999999", /too large/],
  ["octal", "9", /an octal integer is expected/],
  ["fixed", ".5", /fixed-point/],
  ["time", "300", /invalid time value "300" \(like 5m or 1h30m\)/],
  ["time", "1h 2m", /invalid time value/],
  ["time", "1H", /invalid time value/],
  ["time", '"1h"', /invalid time value/],
  ["time", "", /invalid time value/],
  ["time", "999999999999w", /too long/],
  ["time*", "300", /invalid time value/],
  ["time list", "1h:2h:x", /invalid time value/],
  ["time list", "2h:1h", /must grow/],
  ["time list", "1h:2h:3h:4h:5h:6h:7h:8h:9h:10h:11h", /more than 10 times/],
];

describe("readOptionValue", () => {
  for (const [type, text, want] of taken) {
    test(`${type}: ${JSON.stringify(text)}`, () => assert.deepEqual(readOptionValue(type, text), want));
  }
  for (const [type, text, message] of refused) {
    test(`${type}: not ${JSON.stringify(text)}`, () => {
      assert.throws(() => readOptionValue(type, text), { name: "ValueError", message });
    });
  }
});
