import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { LineForm } from "@postbus/policy";
import fc from "fast-check";
import { LineEncoder } from "../../src/local/line-encoder.ts";

const MESSAGE = "From : x\r\nSubject: a\r\n\r\nFrom me\r\n.dot\r\n..\r\nFro\r\n\r\nFrom \r\n";
const mbox = { from: "From ", to: ">From " };
const dots = { from: ".", to: ".." };

function written(form: LineForm, pieces: readonly string[], hasHeader?: boolean): string {
  const encoder = new LineEncoder(form, hasHeader);
  const parts = pieces.map((piece) => encoder.encode(Buffer.from(piece, "latin1")).toString("latin1"));
  return parts.join("") + encoder.end().toString("latin1");
}

/** As real Exim 4.98 writes them to a pipe. */
const rows: readonly [string, LineForm, string][] = [
  [
    "as they are, but for the line ends",
    { usesCrlf: false, isBatched: false, escaped: undefined },
    MESSAGE.replaceAll("\r", ""),
  ],
  ["use_crlf", { usesCrlf: true, isBatched: false, escaped: undefined }, MESSAGE],
  [
    "check_string: in the body only",
    { usesCrlf: false, isBatched: false, escaped: mbox },
    "From : x\nSubject: a\n\n>From me\n.dot\n..\nFro\n\n>From \n",
  ],
  [
    "use_bsmtp: everywhere",
    { usesCrlf: false, isBatched: true, escaped: dots },
    "From : x\nSubject: a\n\nFrom me\n..dot\n...\nFro\n\nFrom \n",
  ],
  [
    "both",
    { usesCrlf: true, isBatched: false, escaped: mbox },
    "From : x\r\nSubject: a\r\n\r\n>From me\r\n.dot\r\n..\r\nFro\r\n\r\n>From \r\n",
  ],
];

describe("the lines of a message", () => {
  for (const [name, form, expected] of rows) {
    test(name, () => assert.equal(written(form, [MESSAGE]), expected));
    test(`${name}, octet by octet`, () => assert.equal(written(form, [...MESSAGE]), expected));
  }

  test("without a header section, the first line is one of the body", () => {
    const form = { usesCrlf: false, isBatched: false, escaped: mbox };
    assert.equal(written(form, ["From me\r\n"], false), ">From me\n");
  });

  test("come out the same however they are cut", () => {
    const octets = fc.string({ unit: fc.constantFrom("F", "r", "o", "m", " ", ".", "\r", "\n", "a") });
    fc.assert(
      fc.property(octets, fc.nat(), fc.nat(), fc.boolean(), (text, a, b, usesCrlf) => {
        const form = { usesCrlf, isBatched: false, escaped: mbox };
        const [first = 0, second = 0] = [a % (text.length + 1), b % (text.length + 1)].sort((x, y) => x - y);
        const cut = [text.slice(0, first), text.slice(first, second), text.slice(second)];
        assert.equal(written(form, cut), written(form, [text]));
      }),
    );
  });
});
