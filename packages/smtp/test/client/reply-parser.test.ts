import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { ReplyParser } from "../../src/client/reply-parser.ts";

/** Everything the parser makes of the octets when they come in the given pieces. */
function parsed(pieces: readonly string[]): string[] {
  const parser = new ReplyParser();
  const found: string[] = [];
  // The caller reads every piece into the same memory, as the sockets do.
  const memory = Buffer.alloc(64 * 1024);
  for (const piece of pieces) {
    const length = memory.write(piece, "latin1");
    parser.push(memory.subarray(0, length));
    while (true) {
      const next = parser.next();
      if (next.kind === "incomplete") break;
      if (next.kind === "malformed") return [...found, `malformed: ${next.text}`];
      found.push(`${next.reply.code} ${next.reply.text}`);
    }
  }
  return found;
}

const cases = [
  { name: "a reply of one line", octets: "250 ok\r\n", want: ["250 250 ok"] },
  { name: "a reply without text", octets: "250\r\n", want: ["250 250"] },
  { name: "a blank and no text", octets: "250 \r\n", want: ["250 250 "] },
  { name: "several lines are one reply", octets: "250-a\r\n250-b\r\n250 c\r\n", want: ["250 250-a\n250-b\n250 c"] },
  { name: "pipelined replies", octets: "250 a\r\n550 b\r\n354 c\r\n", want: ["250 250 a", "550 550 b", "354 354 c"] },
  { name: "a bare LF ends a line, as for Exim", octets: "220 hello\n250 x\n", want: ["220 220 hello", "250 250 x"] },
  { name: "half a line is nothing yet", octets: "250 o", want: [] },
  { name: "first lines without the last are nothing yet", octets: "250-a\r\n250-b\r\n", want: [] },
  { name: "code 000", octets: "000 x\r\n", want: ["malformed: 000 x"] },
  { name: "code 999", octets: "999 x\r\n", want: ["malformed: 999 x"] },
  { name: "code 199", octets: "199 x\r\n", want: ["malformed: 199 x"] },
  { name: "two digits", octets: "25 x\r\n", want: ["malformed: 25 x"] },
  { name: "no separator", octets: "250ok\r\n", want: ["malformed: 250ok"] },
  { name: "an empty line", octets: "\r\n", want: ["malformed: "] },
  { name: "another protocol", octets: "SSH-2.0-x\r\n", want: ["malformed: SSH-2.0-x"] },
  { name: "codes that differ within a reply", octets: "250-a\r\n550 b\r\n", want: ["malformed: 250-a\n550 b"] },
] as const;

describe("ReplyParser", () => {
  for (const { name, octets, want } of cases) test(name, () => assert.deepEqual(parsed([octets]), want));

  test("a line that does not end is refused when it is longer than anybody's", () => {
    const [said] = parsed([`250 ${"x".repeat(8_000)}`]);
    assert.match(said ?? "", /^malformed: 250 x+$/);
  });

  test("a reply whose lines never end is refused, and what is held is bounded", () => {
    const pieces = Array.from({ length: 10_000 }, () => `250-${"y".repeat(1_000)}\r\n`);
    const [said, ...more] = parsed(pieces);
    assert.match(said ?? "", /^malformed: 250-y+/);
    assert.deepEqual(more, []);
    assert.ok((said ?? "").length < 2_000);
  });

  test("any cutting of the octets gives the same replies", () => {
    const word = fc.constantFrom("250 ok", "250-more", "550", "354 go", "25", "x", "\r\n", "\n", "\r", "421 \xe9");
    fc.assert(
      fc.property(fc.array(word), fc.array(fc.nat(60)), (words, cuts) => {
        const whole = words.join("");
        const at = [...new Set(cuts.map((cut) => Math.min(cut, whole.length)))].sort((a, b) => a - b);
        const pieces = [...at, whole.length].map((end, i) => whole.slice(i === 0 ? 0 : at[i - 1], end));
        assert.deepEqual(parsed(pieces), parsed([whole]));
      }),
    );
  });

  test("never throws, whatever comes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (octets) => void parsed([Buffer.from(octets).toString("latin1")])),
    );
  });
});
