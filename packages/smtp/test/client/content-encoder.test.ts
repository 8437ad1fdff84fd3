import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { ContentEncoder } from "../../src/client/content-encoder.ts";

/** What goes over the wire for content that comes in these pieces. */
function encoded(pieces: readonly string[]): string {
  const encoder = new ContentEncoder();
  const out = pieces.map((piece) => encoder.encode(Buffer.from(piece, "latin1")).toString("latin1"));
  return out.join("") + encoder.end().toString("latin1");
}

/**
 * A receiver: messages it sees in the octets behind DATA, with dots taken out.
 *
 * @param lineEnd What it takes for the end of a line. Lenient ones (CVE-2023-51764 to -51766) took bare LF or CR.
 */
function messagesSeen(octets: string, lineEnd: RegExp): string[] {
  const messages: string[] = [];
  let lines: string[] = [];
  const all = octets.split(lineEnd);
  // What follows the last line end is a line that has not come yet.
  const rest = all.pop();
  for (const line of all) {
    if (line === ".") {
      messages.push(lines.join("\n"));
      lines = [];
    } else {
      lines.push(line.startsWith(".") ? line.slice(1) : line);
    }
  }
  if (lines.length > 0 || rest !== "") messages.push(`left over: ${lines.join("\n")}${rest}`);
  return messages;
}

const strict = /\r\n/;
const lenient = /\r\n|\n|\r/;

const cases = [
  { name: "ordinary content", content: "a\r\nb\r\n", want: "a\r\nb\r\n.\r\n" },
  { name: "empty content", content: "", want: ".\r\n" },
  { name: "the last line lacks its end", content: "a\r\nb", want: "a\r\nb\r\n.\r\n" },
  { name: "the last line ends in CR only", content: "a\r", want: "a\r\n.\r\n" },
  { name: "a line that starts with a dot", content: "a\r\n.b\r\n", want: "a\r\n..b\r\n.\r\n" },
  { name: "a dot at the very start", content: ".a\r\n", want: "..a\r\n.\r\n" },
  { name: "a line that is a dot", content: "a\r\n.\r\nb\r\n", want: "a\r\n..\r\nb\r\n.\r\n" },
  { name: "two dots become three", content: "..\r\n", want: "...\r\n.\r\n" },
  { name: "dots within a line are left alone", content: "a.b.\r\n", want: "a.b.\r\n.\r\n" },
  { name: "a bare LF becomes CRLF", content: "a\nb\r\n", want: "a\r\nb\r\n.\r\n" },
  { name: "a bare CR becomes CRLF", content: "a\rb\r\n", want: "a\r\nb\r\n.\r\n" },
  { name: "CR CR LF are two line ends", content: "a\r\r\nb", want: "a\r\n\r\nb\r\n.\r\n" },
  { name: "dots are doubled behind line ends that were not there", content: "a\n.\nb", want: "a\r\n..\r\nb\r\n.\r\n" },
  { name: "NUL and 8-bit octets pass", content: "\0\xff\r\n", want: "\0\xff\r\n.\r\n" },
] as const;

describe("ContentEncoder", () => {
  for (const { name, content, want } of cases) {
    test(name, () => {
      assert.equal(encoded([content]), want);
      assert.equal(encoded([...content]), want, "octet by octet");
    });
  }

  test("content that needs no change is not copied", () => {
    const octets = Buffer.from(`Subject: x\r\n\r\n${"line\r\n".repeat(1000)}`);
    assert.equal(new ContentEncoder().encode(octets), octets);
  });

  test("smuggling: whatever line ends stand around a dot, wherever the content is cut, both receivers see one message", () => {
    const lineEnds = ["\r\n", "\n", "\r", "\r\r\n", "\n\r", "\0\r\n", "\r\0\n"];
    for (const before of lineEnds) {
      for (const after of lineEnds) {
        const content = `Subject: a\r\n\r\nbody${before}.${after}MAIL FROM:<evil@x.test>${after}end`;
        for (let cut = 0; cut <= content.length; cut++) {
          const wire = encoded([content.slice(0, cut), content.slice(cut)]);
          const name = JSON.stringify({ before, after, cut });
          assert.equal(messagesSeen(wire, strict).length, 1, name);
          assert.deepEqual(messagesSeen(wire, lenient), messagesSeen(wire, strict), name);
        }
      }
    }
  });

  test("any content, cut anywhere: no bare CR or LF, one end, and the receiver gets back what was given", () => {
    const word = fc.constantFrom("\r\n", "\r", "\n", ".", "a", "bc", "\0", "\xff", "..", "");
    fc.assert(
      fc.property(fc.array(fc.array(word).map((words) => words.join(""))), (pieces) => {
        const wire = encoded(pieces);
        assert.ok(!/\r(?!\n)|(?<!\r)\n/.test(wire));
        assert.equal(wire, encoded([pieces.join("")]));
        const content = pieces.join("").replace(/\r\n|\r|\n/g, "\n");
        const want = content === "" || content.endsWith("\n") ? content.slice(0, -1) : content;
        assert.deepEqual(messagesSeen(wire, strict), [want]);
        assert.deepEqual(messagesSeen(wire, lenient), [want]);
      }),
      { numRuns: 1000 },
    );
  });

  test("wherever in memory it lies and a wrong octet stands in it, content is made right", () => {
    const line = "abcdefghijklmnopqrstuvwxyz\r\n";
    for (let offset = 0; offset < 8; offset++) {
      for (let at = 0; at <= line.length; at++) {
        for (const wrong of ["\r", "\n", "\r\n."]) {
          const text = line.slice(0, at) + wrong + line.slice(at);
          const memory = Buffer.alloc(offset + text.length, "\r");
          memory.write(text, offset, "latin1");
          const encoded = new ContentEncoder().encode(memory.subarray(offset)).toString("latin1");
          assert.doesNotMatch(encoded, /\r(?!\n)|(?<!\r)\n|\n\.(?!\.)/, JSON.stringify(text));
        }
      }
    }
  });

  test("long content with a dot on every line stays linear", () => {
    const octets = Buffer.from(".\r\n".repeat(50_000));
    assert.equal(new ContentEncoder().encode(octets).length, 4 * 50_000);
  });
});
