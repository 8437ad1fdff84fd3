import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Conversation, converse, type Decisions, inPieces } from "./conversation.ts";

const EHLO = "EHLO c.example\r\n";
const ENVELOPE = "MAIL FROM:<a@b.example>\r\nRCPT TO:<x@y.example>\r\n";
const TEXT = "Subject: x\r\n\r\n.one\r\n.\r\ntwo\r\n";
const lenient = { maxSyntaxErrors: 50, maxUnknownCommands: 50, offers: { chunking: true } };

const bdat = (chunk: string, last = ""): string => `BDAT ${chunk.length}${last}\r\n${chunk}`;
const LAST = " LAST";

/** The replies behind that to EHLO. */
const codes = ({ codes: all }: Conversation): string => all.slice(2).join(" ");

function say(text: string, decisions: Decisions = {}): Conversation {
  return converse([EHLO, text], { ...decisions, settings: { ...lenient, ...decisions.settings } });
}

describe("BDAT (RFC 3030)", () => {
  test("is offered, and refused for good to whom it is not: what follows is content", () => {
    assert.match(say("NOOP\r\n").output, /\r\n250-PIPELINING\r\n250-CHUNKING\r\n/);
    for (const [greeting, offers] of [
      [EHLO, { chunking: false }],
      ["HELO c.example\r\n", { chunking: true }],
    ] as const) {
      const { output, isClosed } = converse([greeting, bdat("NOOP\r\n", LAST)], { settings: { offers } });
      assert.match(output, /503 5\.5\.1 BDAT command used when CHUNKING not advertised\r\n$/);
      assert.ok(isClosed);
    }
    const oneOnly = { standing: { offers: { chunking: false } } };
    assert.ok(!say("NOOP\r\n", oneOnly).output.includes("CHUNKING"));
    assert.ok(say(bdat("x"), oneOnly).isClosed);
  });

  test("a message in one chunk, and in several, and with an empty last one", () => {
    for (const chunks of [
      bdat(TEXT, LAST),
      bdat(TEXT) + bdat("", LAST),
      bdat(TEXT.slice(0, 5)) + bdat("") + bdat(TEXT.slice(5), LAST),
    ]) {
      const { messages } = say(ENVELOPE + chunks);
      assert.deepEqual(messages, [{ returnPath: "a@b.example", recipients: ["x@y.example"], content: TEXT }]);
    }
  });

  test("replies are Exim's", () => {
    const chunks = `${ENVELOPE}${bdat(TEXT.slice(0, 5))}${bdat(TEXT.slice(5), LAST)}`;
    const { output } = say(chunks);
    assert.ok(
      output.endsWith("250 2.0.0 5 byte chunk received\r\n250-2.0.0 23 byte chunk, total 28\r\n250 2.0.0 OK id=1\r\n"),
      output,
    );
    const chosen = say(chunks, {
      decide: ({ kind }) => (kind === "end" ? { code: 250, lines: ["the ACL's words"] } : undefined),
    });
    assert.ok(chosen.output.endsWith("chunk received\r\n250 2.0.0 the ACL's words\r\n"), chosen.output);
    const single = say(`${ENVELOPE}${bdat(TEXT, LAST)}`, { standing: { wantsSingleLines: true } });
    assert.ok(single.output.endsWith("\r\n250 2.1.5 Accepted\r\n250 2.0.0 OK id=1\r\n"), single.output);
  });

  test("wherever a message is cut into chunks, and the stream into readings, it is the same", () => {
    for (let cut = 0; cut <= TEXT.length; cut++) {
      const stream = `${ENVELOPE}${bdat(TEXT.slice(0, cut))}${bdat(TEXT.slice(cut), LAST)}QUIT\r\n`;
      for (const size of [1, 7, stream.length]) {
        const { messages, codes: all } = converse([EHLO, ...inPieces(stream, size)], { settings: lenient });
        assert.deepEqual(
          messages.map(({ content }) => content),
          [TEXT],
        );
        assert.deepEqual(all.slice(2), ["250", "250", "250", "250", "221"]);
      }
    }
    const single = [...TEXT].map((octet) => bdat(octet)).join("");
    assert.equal(say(`${ENVELOPE}${single}BDAT 0 LAST\r\n`).messages[0]?.content, TEXT);
  });

  interface Row {
    readonly name: string;
    readonly send: string;
    readonly codes: string;
    readonly decide?: Decisions["decide"];
    readonly messages?: number;
    readonly closed?: true;
  }
  const smuggled = "RSET\r\nMAIL FROM:<evil@x.example>\r\n";
  const rows: readonly Row[] = [
    {
      name: "a second message in the same stream",
      send: `${ENVELOPE}${bdat(TEXT, LAST)}${ENVELOPE}${bdat(TEXT, LAST)}`,
      codes: "250 250 250 250 250 250",
      messages: 2,
    },
    {
      name: "NOOP between chunks",
      send: `${ENVELOPE}${bdat(TEXT)}NOOP\r\n${bdat("", LAST)}`,
      codes: "250 250 250 250 250",
      messages: 1,
    },
    {
      name: "RSET between chunks",
      send: `${ENVELOPE}${bdat(TEXT)}RSET\r\n${ENVELOPE}${bdat(TEXT, LAST)}`,
      codes: "250 250 250 250 250 250 250",
      messages: 1,
    },
    { name: "QUIT between chunks", send: `${ENVELOPE}${bdat(TEXT)}QUIT\r\n`, codes: "250 250 250 221", closed: true },
    {
      name: "DATA behind a chunk",
      send: `${ENVELOPE}${bdat(TEXT)}DATA\r\nNOOP\r\n${bdat(smuggled, LAST)}RSET\r\nNOOP\r\n`,
      codes: "250 250 250 503 503 503 250 250",
    },
    {
      name: "MAIL behind a chunk",
      send: `${ENVELOPE}${bdat(TEXT)}${ENVELOPE}QUIT\r\n`,
      codes: "250 250 250 503 503 221",
      closed: true,
    },
    {
      name: "an unknown command behind a chunk",
      send: `${ENVELOPE}${bdat(TEXT)}FOO\r\nEHLO x\r\nRSET\r\n`,
      codes: "250 250 250 503 503 250",
    },
    { name: "BDAT before MAIL", send: `${bdat(smuggled)}NOOP\r\n`, codes: "503 250" },
    {
      name: "BDAT before RCPT",
      send: `MAIL FROM:<a@b.example>\r\n${bdat(smuggled, LAST)}NOOP\r\n`,
      codes: "250 503 250",
    },
    {
      name: "BDAT behind refused recipients",
      decide: ({ kind }) => (kind === "recipient" ? { code: 550, lines: ["no"] } : undefined),
      send: `${ENVELOPE}${bdat(smuggled)}${bdat(smuggled, LAST)}NOOP\r\n`,
      codes: "250 550 503 503 250",
    },
    {
      name: "refused before its content",
      decide: ({ kind }) => (kind === "data" ? { code: 451, lines: ["no"] } : undefined),
      send: `${ENVELOPE}${bdat(smuggled)}${bdat("", LAST)}RSET\r\n${ENVELOPE}`,
      codes: "250 250 451 503 250 250 250",
    },
    {
      name: "refused at its end",
      decide: ({ kind }) => (kind === "end" ? { code: 550, lines: ["no"] } : undefined),
      send: `${ENVELOPE}${bdat(TEXT, LAST)}NOOP\r\n`,
      codes: "250 250 550 250",
      messages: 1,
    },
    {
      name: "too large by what BDAT says",
      send: `${ENVELOPE}${bdat("x".repeat(100_001), LAST)}NOOP\r\n`,
      codes: "250 250 552 250",
    },
    {
      name: "too large by all chunks together, with more under way",
      send: `${ENVELOPE}${bdat(`${TEXT}${"x".repeat(60_000)}`)}${bdat("x".repeat(60_000))}${bdat(smuggled)}${bdat("", LAST)}${ENVELOPE}${bdat(TEXT, LAST)}`,
      codes: "250 250 250 552 503 503 250 250 250",
      messages: 1,
    },
    {
      name: "a bare LF",
      send: `${ENVELOPE}${bdat("a: b\r\n\r\nx\n.\n")}${bdat(smuggled, LAST)}${ENVELOPE}`,
      codes: "250 250 550 503 250 250",
    },
    { name: "a bare CR", send: `${ENVELOPE}${bdat("a: b\r\n\r\nx\r.\r", LAST)}NOOP\r\n`, codes: "250 250 550 250" },
    {
      name: "a header section that is too long",
      send: `${ENVELOPE}${bdat(`a: ${"b".repeat(11_000)}`)}NOOP\r\n`,
      codes: "250 250 552 250",
    },
    { name: "no size", send: `${ENVELOPE}BDAT\r\n${smuggled}`, codes: "250 250 501", closed: true },
    { name: "a negative size", send: `${ENVELOPE}BDAT -1\r\n${smuggled}`, codes: "250 250 501", closed: true },
    {
      name: "a size that no number can hold",
      send: `${ENVELOPE}BDAT 18446744073709551616 LAST\r\n${smuggled}`,
      codes: "250 250 552",
      closed: true,
    },
    { name: "less than was said", send: `${ENVELOPE}BDAT 1000 LAST\r\n${TEXT}QUIT\r\n`, codes: "250 250" },
    {
      name: "a thousand empty chunks",
      send: `${ENVELOPE}${bdat("").repeat(1_010)}`,
      codes: `250 250 ${"250 ".repeat(998)}421`,
      closed: true,
    },
  ];
  for (const { name, send, codes: want, decide, messages = 0, closed } of rows) {
    for (const size of [send.length, 1, 11]) {
      if (size < send.length && send.length > 10_000) continue;
      test(`${name}, at most ${size} octets in a reading`, () => {
        const result = converse([EHLO, ...inPieces(send, size)], { settings: lenient, ...(decide ? { decide } : {}) });
        assert.equal(codes(result), want, result.output);
        assert.equal(result.messages.length, messages);
        assert.equal(result.isClosed, closed ?? false);
        assert.ok(!JSON.stringify(result.steps).includes("evil"));
      });
    }
  }

  test("refused recipients are named, as behind DATA", () => {
    const { output } = say(`${ENVELOPE}${bdat("abc", LAST)}`, {
      settings: { offersStatus: false },
      decide: ({ kind }) => (kind === "recipient" ? { code: 550, lines: ["Administrative prohibition"] } : undefined),
    });
    assert.ok(
      output.endsWith(
        "503-All RCPT commands were rejected with this error:\r\n503-Administrative prohibition\r\n" +
          "503 Valid RCPT command must precede BDAT\r\n",
      ),
      output,
    );
  });

  test("RSET between chunks and a command out of order tell the owner that the content is void", () => {
    const kinds = (text: string) =>
      say(text)
        .steps.map(({ kind }) => kind)
        .slice(3);
    assert.deepEqual(kinds(`${ENVELOPE}${bdat(TEXT)}RSET\r\n`), ["data", "header", "content", "reset"]);
    assert.deepEqual(kinds(`${ENVELOPE}${bdat(TEXT)}DATA\r\nRSET\r\n`), ["data", "header", "content", "refused"]);
  });

  test("a client that may not pipeline waits for the answer to each chunk", () => {
    const { codes: all, isClosed } = say(`${ENVELOPE}`, { standing: { isPipeliningOff: true } });
    assert.deepEqual(all.slice(2), ["554"]);
    assert.ok(isClosed);
    const waits = converse(
      [EHLO, "MAIL FROM:<a@b.example>\r\n", "RCPT TO:<x@y.example>\r\n", `${bdat(TEXT)}BDAT 0 LAST\r\n`],
      { settings: lenient, standing: { isPipeliningOff: true } },
    );
    assert.deepEqual(waits.codes.slice(4), ["250", "554"]);
  });
});
