import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import type { Content } from "@postbus/contracts";
import fc from "fast-check";
import { messageAsSent } from "../../src/message/message-as-sent.ts";
import {
  type ContentChanges,
  outgoingContent,
  outgoingPieces,
  outgoingSize,
  outgoingStream,
  readOutgoing,
} from "../../src/message/outgoing-content.ts";
import { LocalRig, localItem } from "../local/local-rig.ts";
import { inline } from "../smtp/rig.ts";

const NONE: ContentChanges = { top: "", headersAdd: [], headersRemove: [] };
const MESSAGE =
  "Received: a\r\n\tb\r\nSubject: x\r\nX-Gone: 1\r\nX-Odd : 2\r\nx-gone: 3\r\n\r\nbody\r\n\r\nX-Gone: no field\r\n";

/** A spool with one text, which it gives out in pieces in memory that is used again. */
function spoolOf(text: string, pieceOctets: number) {
  const content: Content = {
    kind: "spooled",
    id: "1vMhGf-0000000012a-0Ab3",
    size: text.length,
    sha256: createHash("sha256").update(text).digest("hex"),
  };
  const memory = Buffer.alloc(pieceOctets);
  async function* read(): AsyncGenerator<Buffer> {
    for (let at = 0; at < text.length; at += pieceOctets) {
      yield memory.subarray(0, memory.write(text.slice(at, at + pieceOctets), "latin1"));
      memory.fill(0);
    }
  }
  return { content, spool: { read } };
}

const noSpool = { read: () => assert.fail("the spool was read") };

async function textOf(pieces: Buffer | AsyncIterable<Buffer>): Promise<string> {
  if (Buffer.isBuffer(pieces)) return pieces.toString("latin1");
  let text = "";
  for await (const piece of pieces) text += piece.toString("latin1");
  return text;
}

async function sent(message: string, changes: Partial<ContentChanges>): Promise<string> {
  const outgoing = await outgoingContent(inline(message), { ...NONE, ...changes }, noSpool);
  const text = await textOf(readOutgoing(outgoing, noSpool));
  assert.equal(outgoingSize(outgoing), text.length);
  return text;
}

describe("what leaves", () => {
  const cases: readonly [string, Partial<ContentChanges>, string][] = [
    [
      "fields on top come before all others",
      { top: "Return-path: <s@a.test>\nEnvelope-to: r@b.test\n" },
      `Return-path: <s@a.test>\r\nEnvelope-to: r@b.test\r\n${MESSAGE}`,
    ],
    [
      "added fields come last, in their order; in the body nothing is changed",
      { headersAdd: ["X-A: 1\n", "X-B: 2\n\tmore\n"] },
      MESSAGE.replace("\r\n\r\n", "\r\nX-A: 1\r\nX-B: 2\r\n\tmore\r\n\r\n"),
    ],
    [
      "a name removes all fields of it, in any case, with blanks before the colon",
      { headersRemove: ["X-GONE", "x-odd", "Unknown"] },
      "Received: a\r\n\tb\r\nSubject: x\r\n\r\nbody\r\n\r\nX-Gone: no field\r\n",
    ],
    [
      "a star stands for any end of a name",
      { headersRemove: ["x-*", "rece*"] },
      "Subject: x\r\n\r\nbody\r\n\r\nX-Gone: no field\r\n",
    ],
    [
      "what is added is not removed",
      { headersRemove: ["Subject"], headersAdd: ["Subject: new\n"] },
      MESSAGE.replace("Subject: x\r\n", "").replace("\r\n\r\n", "\r\nSubject: new\r\n\r\n"),
    ],
    ["headers_only keeps the blank line", { only: "headers" }, MESSAGE.slice(0, MESSAGE.indexOf("body"))],
    ["body_only leaves out the blank line", { only: "body" }, MESSAGE.slice(MESSAGE.indexOf("body"))],
    [
      "what an expansion has brought in does not end the header section",
      { headersAdd: ["X-A: 1\n\n\nevil\nX-B: 2\r\n\r\n: c\n"] },
      MESSAGE.replace("\r\n\r\n", "\r\nX-A: 1\r\n evil\r\nX-B: 2\r\n : c\r\n\r\n"),
    ],
  ];
  for (const [name, changes, expected] of cases) {
    test(name, async () => assert.equal(await sent(MESSAGE, changes), expected));
  }

  const odd: readonly [string, string, string][] = [
    ["a message without a body gets its blank line", "A: 1\r\n", "A: 1\r\nX: 1\r\n\r\n"],
    ["a header section without its last line end gets that, too", "A: 1", "A: 1\r\nX: 1\r\n\r\n"],
    ["a body without a header section gets one", "\r\nbody\r\n", "X: 1\r\n\r\nbody\r\n"],
    [
      "a line that is no field begins the body",
      "A: 1\r\nno field\r\n\r\nB: 2\r\n",
      "A: 1\r\nX: 1\r\n\r\nno field\r\n\r\nB: 2\r\n",
    ],
    ["no content at all", "", "X: 1\r\n\r\n"],
  ];
  for (const [name, message, expected] of odd) {
    test(name, async () => assert.equal(await sent(message, { headersAdd: ["X: 1\n"] }), expected));
  }
});

describe("without a copy", () => {
  test("content that nothing is changed of is the content itself", () => {
    const content = inline(MESSAGE);
    assert.equal(outgoingContent(content, undefined, noSpool), content);
    assert.equal(outgoingContent(content, NONE, noSpool), content);
    assert.equal(readOutgoing(content, noSpool), content.kind === "inline" ? content.octets : undefined);
  });

  test("the body stays where it is", () => {
    const content = inline(MESSAGE);
    const outgoing = outgoingContent(content, { ...NONE, headersAdd: ["X: 1\n"] }, noSpool);
    assert.ok(!(outgoing instanceof Promise) && content.kind === "inline");
    assert.equal(outgoingPieces(outgoing)?.[1]?.buffer, content.octets.buffer);
  });

  test("large content in memory leaves in two pieces", async () => {
    const body = "x".repeat(70_000);
    const outgoing = await outgoingContent(inline(`A: 1\r\n\r\n${body}`), { ...NONE, headersAdd: ["X: 1\n"] }, noSpool);
    const pieces: number[] = [];
    for await (const piece of readOutgoing(outgoing, noSpool) as AsyncIterable<Buffer>) pieces.push(piece.length);
    assert.deepEqual(pieces, [14, 70_000]);
  });

  test("of spooled content that gets fields on top, nothing is read beforehand", () => {
    const { content } = spoolOf(MESSAGE, 10);
    const outgoing = outgoingContent(content, { ...NONE, top: "Return-path: <>\n" }, noSpool);
    assert.ok(!(outgoing instanceof Promise));
    assert.equal(outgoingSize(outgoing), MESSAGE.length + 17);
  });
});

test("spooled content leaves as content in memory does, however it is cut", async () => {
  const message = fc.oneof(
    fc.constant(MESSAGE),
    fc
      .array(fc.constantFrom("A: 1\r\n", "X-Gone: 2\r\n", " more\r\n", "\r\n", "text\r\n", "\n", "\r", "B:"))
      .map((some) => some.join("")),
  );
  const changes = fc.constantFrom<Partial<ContentChanges>>(
    { top: "T: 1\n" },
    { headersAdd: ["X: 1\n"], top: "T: 1\n" },
    { headersRemove: ["x-gone"] },
    { only: "headers" },
    { only: "body" },
  );
  await fc.assert(
    fc.asyncProperty(message, fc.integer({ min: 1, max: 40 }), changes, async (text, pieceOctets, some) => {
      const { content, spool } = spoolOf(text, pieceOctets);
      const outgoing = await outgoingContent(content, { ...NONE, ...some }, spool);
      assert.equal(await textOf(outgoingStream(outgoing, spool)), await sent(text, some));
      assert.equal(outgoingSize(outgoing), (await sent(text, some)).length);
    }),
    { numRuns: 500 },
  );
});

/** Apart from the folding of `To`, what exim-4.98 writes with the same rules. */
describe("headers_rewrite", () => {
  const RULES =
    '*@old.test $1@new.test : uq@q.test justlocal Q : w@w.test "New Name <${lc::NEW}@w.test>" hw : ' +
    "lp@w.test $local_part.${domain::$h_from::}.$sender_address_domain@x.test : un@w.test just";
  const CAME = [
    "From: Ann <ann@old.test>",
    "To: Bob <w@w.test>,",
    "  uq@q.test, lp@w.test (c), <un@w.test>",
    "Cc: l@list.test, x@Old.test",
    "Subject: a@old.test",
    "X-A: b@old.test",
    "Reply-To: joe@old.test",
    "",
    "body a@old.test",
    "",
  ];
  const LEFT = [
    "From: Ann <ann@new.test>",
    "To: New Name <new@w.test>,",
    "  justlocal@q.test, lp.old.test.b.test@x.test (c), <un@w.test>",
    "Cc: l@list.test, x@new.test",
    "Subject: a@old.test",
    "Reply-To: joe@new.test",
    "X-To: uq@q.test",
    "Sender: joe@old.test",
    "",
    "body a@old.test",
    "",
  ];
  const options = `  headers_add = Sender: joe@old.test\n  headers_remove = x-*\n  headers_rewrite = ${RULES}\n`;

  for (const isSpooled of [false, true]) {
    test(`is for what the message has come with, ${isSpooled ? "in the spool" : "in memory"}`, async () => {
      await using rig = await LocalRig.start(`t:\n  driver = lmtp\n  socket = /s\n${options}`);
      const item = localItem("t", ["joe@d.test"], { headersAdd: ["X-To: uq@q.test\n"] });
      const text = CAME.join("\r\n");
      const transport = await rig.transport("lmtp", item, inline(text));
      const { changes } = messageAsSent(item, await transport.message?.("joe@d.test"), item.recipients, 0);
      const notes: string[] = [];
      const { content, spool } = isSpooled ? spoolOf(text, 7) : { content: inline(text), spool: noSpool };
      const onTheWay = { note: (line: string) => void notes.push(line) };
      const outgoing = await outgoingContent(content, changes, spool, onTheWay);
      assert.equal(await textOf(readOutgoing(outgoing, spool)), LEFT.join("\r\n"));
      assert.deepEqual(notes, ['Rewrite of un@w.test yielded unqualified address "just"']);
    });
  }

  test("what a rule makes ends no field", async () => {
    const rewriteHeader = async (line: string) => `${line.trimEnd()}\nX: y\n\nbody\n`;
    assert.equal(await sent("A: b\r\n\r\n", { rewriteHeader }), "A: b\r\n X: y\r\n body\r\n\r\n");
  });
});
