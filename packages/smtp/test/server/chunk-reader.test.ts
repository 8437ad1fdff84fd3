import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ChunkReader, parseBdat } from "../../src/server/chunk-reader.ts";

describe("parseBdat (RFC 3030 section 2)", () => {
  const rows: readonly [argument: string, octets: number | undefined, isLast?: boolean][] = [
    ["0", 0, false],
    ["86", 86, false],
    ["86 LAST", 86, true],
    ["0 last", 0, true],
    ["0010  Last", 10, true],
    ["18446744073709551616 LAST", 2 ** 64, true],
    ["", undefined],
    ["LAST", undefined],
    ["-1", undefined],
    ["+1", undefined],
    ["0x10", undefined],
    ["1e3", undefined],
    ["1.5", undefined],
    ["10LAST", undefined],
    ["10 LAST x", undefined],
    ["10 FIRST", undefined],
  ];
  for (const [argument, octets, isLast = false] of rows) {
    test(`BDAT ${argument}`, () =>
      assert.deepEqual(parseBdat(argument), octets === undefined ? undefined : { octets, isLast }));
  }
});

interface Row {
  readonly name: string;
  readonly chunks: readonly string[];
  readonly want: { readonly content: string } | { readonly defect: string };
}

const rows: readonly Row[] = [
  { name: "one chunk", chunks: ["a: b\r\n\r\ntext\r\n"], want: { content: "a: b\r\n\r\ntext\r\n" } },
  { name: "nothing at all", chunks: [""], want: { content: "" } },
  { name: "an empty last chunk", chunks: ["a: b\r\n", ""], want: { content: "a: b\r\n" } },
  { name: "empty chunks between others", chunks: ["", "a", "", "b\r\n", ""], want: { content: "ab\r\n" } },
  { name: "dots are nothing special", chunks: ["a\r\n.\r\n..b\r\n"], want: { content: "a\r\n.\r\n..b\r\n" } },
  { name: "a last line without its end", chunks: ["a\r\nb"], want: { content: "a\r\nb\r\n" } },
  { name: "the same before an empty last chunk", chunks: ["a\r\nb", ""], want: { content: "a\r\nb\r\n" } },
  { name: "CR and LF in two chunks", chunks: ["a\r", "\nb\r", "\n"], want: { content: "a\r\nb\r\n" } },
  { name: "a line end alone", chunks: ["\r\n"], want: { content: "\r\n" } },
  { name: "a bare LF", chunks: ["a\nb\r\n"], want: { defect: "bare LF" } },
  { name: "a bare LF at the start", chunks: ["\na\r\n"], want: { defect: "bare LF" } },
  { name: "a bare LF at the start of a chunk", chunks: ["a", "\nb\r\n"], want: { defect: "bare LF" } },
  { name: "a bare LF behind CRLF", chunks: ["a\r\n", "\n"], want: { defect: "bare LF" } },
  { name: "a bare CR", chunks: ["a\rb\r\n"], want: { defect: "bare CR" } },
  { name: "a bare CR at a chunk's end", chunks: ["a\r", "b\r\n"], want: { defect: "bare CR" } },
  { name: "a bare CR at the end of all", chunks: ["a\r"], want: { defect: "bare CR" } },
  { name: "a bare CR before an empty last chunk", chunks: ["a\r", ""], want: { defect: "bare CR" } },
  { name: "CR CR LF", chunks: ["a\r\r\n"], want: { defect: "bare CR" } },
  { name: "NUL", chunks: ["a\0b\r\n"], want: { defect: "NUL" } },
  { name: "NUL behind CR", chunks: ["a\r\0"], want: { defect: "bare CR" } },
  { name: "the end of DATA for lenient readers", chunks: ["a\n.\n", "MAIL FROM:<x>\r\n"], want: { defect: "bare LF" } },
];

describe("ChunkReader", () => {
  for (const { name, chunks, want } of rows) {
    for (const size of [1, 2, 3, 1000]) {
      test(`${name}, at most ${size} octets in a reading`, () =>
        assert.deepEqual(contentOf(chunks, size), { rest: "NOOP", ...want }));
    }
  }
});

/** Reads chunks that come in one stream, with something behind each that is no content. */
function contentOf(chunks: readonly string[], size: number) {
  const reader = new ChunkReader();
  let content = "";
  let rest = "";
  chunks.forEach((chunk, i) => {
    const isLast = i === chunks.length - 1;
    reader.begin({ octets: chunk.length, isLast });
    const stream = `${chunk}NOOP`;
    let at = 0;
    while (isLast ? !reader.isComplete : !reader.isBetweenChunks) {
      const input = Buffer.from(stream.slice(at, at + size), "latin1");
      content += reader.read(input).toString("latin1");
      assert.ok(reader.consumed > 0 || reader.isComplete);
      at += reader.consumed;
    }
    rest = stream.slice(at);
    assert.equal(reader.chunkOctets, chunk.length);
  });
  return reader.defect === undefined ? { rest, content } : { rest, defect: reader.defect };
}
