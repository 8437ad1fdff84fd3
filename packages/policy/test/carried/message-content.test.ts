import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { messageContent } from "../../src/carried/message-content.ts";
import { MessageVariables } from "../../src/carried/message-variables.ts";
import { variablesIn } from "../../src/compiled/transports/variables-in.ts";
import { compileExpansion } from "../../src/expansion/compile-expansion.ts";
import { createEvaluation } from "../../src/expansion/create-evaluation.ts";
import { textOf } from "../../src/expansion/value.ts";
import { policyOf } from "../policy-of.ts";

const HEADER = `Received: by us
\tnow
From: A <a@x.test>
Reply-To:
Subject: hi =?utf-8?q?a=C3=A9b?=
 folded
To: x@a, y@b
To: z@c
`;
const MESSAGE = `${HEADER}\nline 1\nline 2\n\nlast\n`.replaceAll("\n", "\r\n");
const INLINE = { kind: "inline" as const, octets: Buffer.from(MESSAGE, "latin1") };
const { surroundings } = policyOf("");
const message = {
  messageId: "m",
  returnPath: "s@x.test",
  receivedAtMs: 1_000,
  reception: { protocol: "smtp", size: 1 },
};

/** In pieces of some octets; tells how many were read. */
function spooled(pieceOctets: number) {
  const read = { octets: 0 };
  async function* pieces(): AsyncGenerator<Buffer> {
    for (let at = 0; at < MESSAGE.length; at += pieceOctets) {
      read.octets = Math.min(MESSAGE.length, at + pieceOctets);
      yield Buffer.from(MESSAGE.slice(at, at + pieceOctets), "latin1");
    }
  }
  return { read, pieces };
}

async function expanded(text: string, pieceOctets?: number, visible = 500): Promise<string> {
  const { pieces } = spooled(pieceOctets ?? 1);
  const given = pieceOctets === undefined ? INLINE : ({ kind: "spooled" } as const);
  const content = await messageContent(given, variablesIn([text]), pieces, visible);
  const variables = new MessageVariables(message, undefined, undefined, content, () => 61_500);
  return textOf(await compileExpansion(text).run(createEvaluation({ ...surroundings, variables })));
}

describe("of the content, routers and transports know", () => {
  // Seen with exim-4.98 -bem, apart from the Received field on top, which is not counted in $message_linecount.
  const cases: readonly [string, string][] = [
    ["$h_subject:", "hi a\xc3\xa9b\n folded"],
    ["$rh_subject:", " hi =?utf-8?q?a=C3=A9b?=\n folded\n"],
    ["$bheader_Subject:", "hi a\xc3\xa9b\n folded"],
    ["$lh_to:", " x@a, y@b: z@c"],
    ["$h_to:", "x@a, y@b,\nz@c"],
    ["$message_headers_raw", HEADER],
    ["$message_headers", HEADER.replace("=?utf-8?q?a=C3=A9b?=", "a\xc3\xa9b").slice(0, -1)],
    ["$message_body", "line 1 line 2  last "],
    ["$message_body_end", "line 1 line 2  last "],
    ["$message_body_size", "20"],
    ["$body_linecount", "4"],
    ["$message_linecount", "11"],
    ["$reply_address", "A <a@x.test>"],
    ["$received_count", "1"],
    ["${if def:h_subject:{y}{n}}${if def:h_nope:{y}{n}}", "yn"],
    ["$message_age", "60"],
  ];
  for (const [text, value] of cases) {
    test(text, async () => {
      assert.equal(await expanded(text), value);
      for (const pieceOctets of [1, 7, 60, 10_000]) assert.equal(await expanded(text, pieceOctets), value);
    });
  }

  test("no more of the body than message_body_visible says", async () => {
    for (const pieceOctets of [undefined, 1, 60]) {
      assert.equal(await expanded("$message_body/$message_body_end", pieceOctets, 6), "line 1/ last ");
    }
  });
});

describe("of content in the spool is read", () => {
  const readFor = async (text: string): Promise<number> => {
    const { read, pieces } = spooled(1);
    await messageContent({ kind: "spooled" }, variablesIn([text]), pieces, 2);
    return read.octets;
  };
  const headerOctets = HEADER.replaceAll("\n", "\r\n").length + 2;

  for (const [text, octets] of [
    ["$local_part@$domain", 0],
    ["$h_subject:", headerOctets + 4],
    ["$message_body", headerOctets + 4],
    ["$message_body_size", MESSAGE.length],
    // What is expanded only then may name anything, but for what is dear.
    ["${lookup{$local_part}lsearch{/x}}", headerOctets + 4],
  ] as const) {
    test(`${octets} octets for ${text}`, async () => assert.equal(await readFor(text), octets));
  }
});
