import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { LineWriter } from "../../src/local/line-writer.ts";

const MBOX = { escaped: { from: "From ", to: ">From " }, usesCrlf: false, isBatched: false };
const BSMTP = { escaped: { from: ".", to: ".." }, usesCrlf: true, isBatched: true };
const MESSAGE = "From : x\nSubject: a\n\nFrom me\n.dot\n..\nFro\n\nFrom \n";
const PLAIN = { escaped: undefined, usesCrlf: false, isBatched: false };

function written(
  settings: ConstructorParameters<typeof LineWriter>[0],
  pieces: readonly string[],
  hasHeader = true,
): string {
  const writer = new LineWriter(settings, hasHeader);
  const parts = pieces.map((piece) => writer.write(Buffer.from(piece, "latin1")));
  return Buffer.concat([...parts, writer.end()]).toString("latin1");
}

describe("lines as a mailbox or a program wants them", () => {
  const rows = [
    {
      name: "From in the body",
      settings: MBOX,
      text: "From: a\n\nFrom b\n From c\nxFrom d\nFrom\n",
      want: "From: a\n\n>From b\n From c\nxFrom d\nFrom\n",
    },
    {
      name: "a header line is left as it is",
      settings: MBOX,
      text: "From a\nX: y\n\nz\n",
      want: "From a\nX: y\n\nz\n",
    },
    { name: "the last line is only the beginning", settings: MBOX, text: "X: y\n\nFro", want: "X: y\n\nFro\n" },
    { name: "no body", settings: MBOX, text: "X: y\n", want: "X: y\n\n" },
    { name: "no body and no line end", settings: MBOX, text: "X: y", want: "X: y\n\n" },
    { name: "nothing at all", settings: MBOX, text: "", want: "\n" },
    {
      name: "a batch of SMTP commands: dots in the header section as well",
      settings: BSMTP,
      text: ".X: y\n\n.\n..\na.\n",
      want: "..X: y\r\n\r\n..\r\n...\r\na.\r\n",
    },
    { name: "nothing to be escaped", settings: PLAIN, text: "X: y\n\nFrom a\nb", want: "X: y\n\nFrom a\nb\n" },
    {
      name: "check_string in the body only (exim-4.98, to a pipe)",
      settings: MBOX,
      text: MESSAGE,
      want: "From : x\nSubject: a\n\n>From me\n.dot\n..\nFro\n\n>From \n",
    },
    {
      name: "use_bsmtp everywhere (the same)",
      settings: { ...BSMTP, usesCrlf: false },
      text: MESSAGE,
      want: "From : x\nSubject: a\n\nFrom me\n..dot\n...\nFro\n\nFrom \n",
    },
    {
      name: "use_crlf (the same)",
      settings: { ...MBOX, usesCrlf: true },
      text: MESSAGE,
      want: "From : x\r\nSubject: a\r\n\r\n>From me\r\n.dot\r\n..\r\nFro\r\n\r\n>From \r\n",
    },
    { name: "a lone CR stays", settings: MBOX, text: "X: y\n\na\rFrom b\n", want: "X: y\n\na\rFrom b\n" },
  ];
  for (const { name, settings, text, want } of rows) test(name, () => assert.equal(written(settings, [text]), want));

  test("a body alone is looked at from its beginning", () =>
    assert.equal(written(MBOX, ["From a\n"], false), ">From a\n"));
});

test("it makes no difference where the octets are cut", () => {
  const word = fc.constantFrom("From ", "Fro", "m ", "\n", "\n\n", ".", "x", "\r", "From");
  fc.assert(
    fc.property(
      fc.array(word),
      fc.constantFrom(MBOX, BSMTP, PLAIN),
      fc.infiniteStream(fc.integer({ min: 1, max: 4 })),
      (words, settings, cuts) => {
        const text = words.join("");
        const pieces: string[] = [];
        for (let at = 0; at < text.length; ) {
          const length = cuts.next().value ?? 1;
          pieces.push(text.slice(at, at + length));
          at += length;
        }
        assert.equal(written(settings, pieces), written(settings, [text]));
      },
    ),
  );
});
