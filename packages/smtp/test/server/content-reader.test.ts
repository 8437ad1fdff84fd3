import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { ContentReader } from "../../src/server/content-reader.ts";
import { inPieces } from "./conversation.ts";

interface Outcome {
  readonly content: string;
  readonly rest: string;
  readonly isComplete: boolean;
  readonly defect: string | undefined;
  readonly hasBareCr: boolean;
}

function read(chunks: readonly string[]): Outcome {
  const reader = new ContentReader();
  let content = "";
  let rest = "";
  for (const chunk of chunks) {
    if (reader.isComplete) {
      rest += chunk;
      continue;
    }
    content += reader.read(Buffer.from(chunk, "latin1")).toString("latin1");
    if (reader.isComplete) rest = chunk.slice(reader.consumed);
  }
  const { isComplete, defect, hasBareCr } = reader;
  // What was given before the defect was found depends on the chunks; it is void.
  return { content: defect === undefined ? content : "", rest, isComplete, defect, hasBareCr };
}

const cases = [
  { name: "the empty message", input: ".\r\n", content: "" },
  { name: "one line", input: "hello\r\n.\r\n", content: "hello\r\n" },
  { name: "a stuffed dot is removed", input: "..\r\n.\r\n", content: ".\r\n" },
  { name: "one dot of many is removed", input: "....a\r\n.\r\n", content: "...a\r\n" },
  { name: "a dot before text is removed, stuffed or not (RFC 5321 §4.5.2)", input: ".a\r\n.\r\n", content: "a\r\n" },
  { name: "a dot inside a line stays", input: "a.\r\n.\r\n", content: "a.\r\n" },
  {
    name: "stuffed dots on many lines",
    input: "..a\r\nb\r\n..c\r\n\r\n..\r\n.\r\n",
    content: ".a\r\nb\r\n.c\r\n\r\n.\r\n",
  },
  { name: "what follows the end is left alone", input: "a\r\n.\r\nQUIT\r\n", content: "a\r\n", rest: "QUIT\r\n" },
  { name: "octets above 127 pass", input: "\xe4\xff\r\n.\r\n", content: "\xe4\xff\r\n" },
  { name: "no end, no end", input: "a\r\n.", content: "a\r\n", isComplete: false },
  { name: "a bare LF", input: "a\nb\r\n.\r\n", defect: "bare LF" },
  { name: "a bare CR", input: "a\rb\r\n.\r\n", defect: "bare CR" },
  { name: "CR CR LF", input: "a\r\r\n.\r\n", defect: "bare CR" },
  { name: "a LF at the start", input: "\n.\r\n\r\n.\r\n", defect: "bare LF" },
  { name: "a dot and a bare LF at the start", input: ".\n\r\n.\r\n", defect: "bare LF" },
  { name: "a dot and a bare CR at the start", input: ".\rx\r\n.\r\n", defect: "bare CR" },
  { name: "NUL", input: "a\0\r\n.\r\n", defect: "NUL" },
];

describe("ContentReader", () => {
  for (const { name, input, content = "", rest = "", isComplete = true, defect } of cases) {
    test(`${name}, whole and split at every octet`, () => {
      const want: Outcome = { content, rest, isComplete, defect, hasBareCr: defect === "bare CR" };
      assert.deepEqual(read([input]), want);
      assert.deepEqual(read([...input]), want);
      for (let i = 1; i < input.length; i++)
        assert.deepEqual(read([input.slice(0, i), input.slice(i)]), want, `at ${i}`);
    });
  }

  const text = fc
    .array(fc.constantFrom("a", "text", ".", "..", "\r", "\n", "\r\n", "\r\n.", "\r\n.\r\n", "\0", "\xff"), {
      maxLength: 20,
    })
    .map((parts) => parts.join(""));

  test("however the octets are cut, the outcome is the same", () => {
    fc.assert(
      fc.property(text, fc.array(fc.nat({ max: 30 }), { maxLength: 8 }), (input, cuts) => {
        const at = [0, ...cuts.filter((cut) => cut < input.length).toSorted((a, b) => a - b), input.length];
        const chunks = at.slice(1).map((end, i) => input.slice(at[i], end));
        assert.deepEqual(read(chunks), read([input]));
      }),
    );
  });

  test("large chunks are read as small ones are", () => {
    const line = `${"x".repeat(70)}\r\n`;
    fc.assert(
      fc.property(text, fc.nat({ max: 400 }), (input, lines) => {
        const large = line.repeat(lines) + input + line.repeat(400);
        const { content, ...want } = read(inPieces(large, 1_000));
        assert.deepEqual(read([large]), { content, ...want });
      }),
      { numRuns: 50 },
    );
  });

  test("what was stuffed comes out as it was", () => {
    const lines = fc.array(fc.string({ unit: fc.constantFrom("a", ".", "\xfc", " "), maxLength: 6 }), {
      maxLength: 10,
    });
    fc.assert(
      fc.property(lines, (content) => {
        const stuffed = content.map((line) => `${line.startsWith(".") ? "." : ""}${line}\r\n`).join("");
        const { content: got, isComplete } = read([`${stuffed}.\r\n`]);
        assert.ok(isComplete);
        assert.equal(got, content.map((line) => `${line}\r\n`).join(""));
      }),
    );
  });

  test("content without stuffed dots is not copied", () => {
    const chunk = Buffer.from("hello\r\n.\r\n", "latin1");
    assert.equal(new ContentReader().read(chunk).buffer, chunk.buffer);
  });
});
