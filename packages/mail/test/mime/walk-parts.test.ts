import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { bodyDecoder, bodyLines, LineCursor, type MimePart, TooManyPartsError, walkParts } from "../../src/index.ts";
import { TextSource } from "./text-source.ts";

const asItIs = (text: string): string => text;

async function partsOf(source: TextSource): Promise<MimePart[]> {
  const parts: MimePart[] = [];
  await walkParts(new LineCursor(source), asItIs, {
    part: async (part) => parts.push(part) > 0,
    message: async () => undefined,
  });
  return parts;
}

async function decoded(source: TextSource, part: MimePart | undefined): Promise<string> {
  assert.ok(part !== undefined);
  const decoder = bodyDecoder(part.fields.transferEncoding);
  const pieces = await Array.fromAsync(bodyLines(source, part), (lines) => lines.map((line) => decoder.decode(line)));
  return Buffer.concat([...pieces.flat(), decoder.end()]).toString("latin1");
}

const shown = ({ index, fields: { type, filename }, isCoverLetter }: MimePart): string =>
  `${index} ${type} ${filename}${isCoverLetter ? " cover" : ""}`;

const MIXED = `From: a@b
Content-Type: multipart/mixed; boundary="a b"

preamble
--a b
Content-Type: text/plain

first
--a b
Content-Type: Text/HTML; name="x;y.htm"
Content-Transfer-Encoding: base64

aGVsbG8=
--a b--
epilogue
`;

test("parts are found, whatever pieces the content comes in", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 80 }), async (piece) => {
      const source = new TextSource(MIXED, piece);
      const parts = await partsOf(source);
      assert.deepEqual(parts.map(shown), ["0 multipart/mixed  cover", "1 text/plain  cover", "2 text/html x;y.htm"]);
      assert.equal(await decoded(source, parts[1]), "first\n");
      assert.equal(await decoded(source, parts[2]), "hello");
    }),
  );
});

test("nothing that is written in a message makes it throw, and nothing of it is read twice", async () => {
  const words = ["--b", "--b--", "--c", "\n", "\n\n", "Content-Type:", " multipart/mixed", ";", "boundary=b", '"', "("];
  const more = [")", "\\", "=", "name*0*=", "utf-8''%41", "\r", "\0", " ", "\t", "message/rfc822", "boundary=c", "x"];
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...words, ...more), { maxLength: 60 }), async (chosen) => {
      const source = new TextSource(chosen.join(""), 7);
      await partsOf(source).catch((error: unknown) => assert.ok(error instanceof TooManyPartsError));
      assert.ok(source.octetsRead <= source.size);
    }),
    { numRuns: 500 },
  );
});

test("a visitor that has enough ends the walk", async () => {
  let seen = 0;
  const went = await walkParts(new LineCursor(new TextSource(MIXED)), asItIs, {
    part: async () => ++seen < 2,
    message: async () => undefined,
  });
  assert.deepEqual([went, seen], [false, 2]);
});

const nested = (depth: number): string =>
  Array.from({ length: depth }, (_, i) => `Content-Type: multipart/mixed; boundary=${i}x\n\n--${i}x\n`).join("");

describe("hostile messages are read once", () => {
  const large = 500_000;
  const mixed = "Content-Type: multipart/mixed; boundary=b\n\n";
  const rows: [name: string, text: string, parts: number | "too many"][] = [
    ["50 multiparts within each other", `${nested(50)}\n\nx\n`, 51],
    ["64 of them", `${nested(64)}\n\nx\n`, "too many"],
    ["a boundary that never comes", `${mixed}${"-\n--\n--a\n".repeat(large / 10)}`, 1],
    [
      "a boundary of 70 octets and more",
      `${mixed.replace("=b", `=${"x".repeat(5_000)}`)}--${"x".repeat(5_000)}\n\n`,
      2,
    ],
    ["a boundary with blanks", `${mixed.replace("=b", '=" a  b "')}-- a  b \n\nx\n-- a  b --\n`, 2],
    ["many empty parts", `${mixed}${"--b\n\n".repeat(9_999)}`, 10_000],
    ["more of them", `${mixed}${"--b\n\n".repeat(10_000)}`, "too many"],
    ["a line without an end", `${mixed}${"y".repeat(large)}`, 1],
    ["a header without an end", `Content-Type: a/b; name=${"y".repeat(large)}`, 1],
    ["a header that is folded for ever", `Content-Type: a/b;\n${" \n".repeat(large / 2)}`, 1],
    ["an open comment", `Content-Type: (${"(".repeat(large)}\n\nx\n`, 1],
    ["an open quote", `Content-Type: a/b; name="${";".repeat(large)}\n\nx\n`, 1],
    ["many headers", `${"Content-Type: a/b; name=c\n".repeat(large / 26)}\nx\n`, 1],
    ["many parameters", `Content-Type: a/b${"; name=c".repeat(1_000)}\n\nx\n`, 1],
    ["names in many pieces", `Content-Disposition: a${"; filename*1*=%41".repeat(480)}\n\nx\n`, 1],
    ["names of percent signs", `Content-Disposition: a; filename*=utf-8''${"%".repeat(8_000)}\n\nx\n`, 1],
    ["no end of the header", "X: y\n".repeat(large / 5), 1],
    ["nothing at all", "", 1],
  ];
  for (const [name, text, wanted] of rows) {
    test(name, async () => {
      const source = new TextSource(text);
      const found = await partsOf(source).then(
        (parts) => parts.length,
        (error: unknown) => (error instanceof TooManyPartsError ? "too many" : error),
      );
      assert.equal(found, wanted);
      assert.ok(source.octetsRead <= source.size);
    });
  }
});

describe("encodings are undone leniently, and what is wrong with them is told", () => {
  const rows: [encoding: string, body: string, decoded: string, level: number | undefined][] = [
    ["base64", "aGVs\nbG8=\n", "hello", undefined],
    ["base64", "a\nGV\nsbG8\n=\n", "hello", undefined],
    ["base64", "aG!V\0s?b G8=\n", "hello", 2],
    ["base64", "YQ==Yg==\nYw==", "abc", undefined],
    ["base64", `${"!".repeat(500_000)}\naGVsbG8=`, "hello", 2],
    ["base64", "", "", undefined],
    ["quoted-printable", "h=C3=a4 =\nx= \t\ny\n", "h\xc3\xa4 xy\n", undefined],
    ["quoted-printable", "=zz =4 ==41", "=zz =4 =A", 1],
    ["quoted-printable", `${"= ".repeat(16_000)}\n`, `${"= ".repeat(15_999)}`, 1],
    ["8bit", "a=41\xe4\0b\n", "a=41\xe4\0b\n", undefined],
    ["x-unknown", "YQ==\n", "YQ==\n", undefined],
  ];
  for (const [encoding, body, wanted, level] of rows) {
    test(`${encoding}: ${JSON.stringify(body.slice(0, 30))}`, () => {
      const decoder = bodyDecoder(encoding);
      const pieces = body.match(/[^\n]*\n|[^\n]+$/g)?.map((line) => decoder.decode(line)) ?? [];
      assert.equal(Buffer.concat([...pieces, decoder.end()]).toString("latin1"), wanted);
      assert.equal(decoder.anomaly?.level, level);
    });
  }
});
