import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Conversation, converse } from "./conversation.ts";

const EHLO = "EHLO c.example\r\n";
const ENVELOPE = "MAIL FROM:<a@b.example>\r\nRCPT TO:<x@y.example>\r\n";
/** What a second message would need; its end is the end of the first one, too. */
const SMUGGLED = "MAIL FROM:<evil@b.example>\r\nRCPT TO:<x@y.example>\r\nDATA\r\nSubject: evil\r\n\r\ntext\r\n";
const HEADER = "Subject: first\r\n\r\n";

/** What may stand before and behind a dot that somebody, somewhere, takes for the end (CVE-2023-51764 to -51766). */
const around = {
  CRLF: "\r\n",
  LF: "\n",
  CR: "\r",
  CRCRLF: "\r\r\n",
  LFLF: "\n\n",
  LFCR: "\n\r",
  NUL: "\0",
  "CR NUL LF": "\r\0\n",
  nothing: "",
} as const;

/** Replies behind the envelope's: a message that is taken, or refused; and with its end in doubt, with it the session. */
const TAKEN = ["250", "221"];
const REFUSED = ["550", "221"];
const DOUBTED = ["550", "421"];

const hasDefect = (content: string): boolean => /\r(?!\n)|(?<!\r)\n|\0/.test(content);

describe("smuggling: a dot between any two things is the end of a message only between CRLF and CRLF", () => {
  for (const [beforeName, before] of Object.entries(around)) {
    for (const [afterName, after] of Object.entries(around)) {
      const isEnd = before.endsWith("\r\n") && after === "\r\n";
      const content = `${HEADER}text${before}.${after}${SMUGGLED}`;

      if (!isEnd) {
        test(`${beforeName} . ${afterName}, by DATA, split at every octet`, () => {
          const stream = `${content}.\r\nQUIT\r\n`;
          const want = !hasDefect(content) ? TAKEN : hasBareCr(content) ? DOUBTED : REFUSED;
          for (let cut = 0; cut < stream.length; cut++) {
            const result = converse([EHLO, `${ENVELOPE}DATA\r\n`, stream.slice(0, cut), stream.slice(cut)]);
            assert.deepEqual(result.codes.slice(5), want, `cut at ${cut}`);
            assertOne(result, want === TAKEN ? content.replaceAll("\r\n.", "\r\n") : undefined);
          }
        });
      }

      test(`${beforeName} . ${afterName}, by BDAT, in two chunks cut at every octet`, () => {
        for (let cut = 0; cut <= content.length; cut++) {
          const chunks = [content.slice(0, cut), content.slice(cut)] as const;
          const stream = `${ENVELOPE}BDAT ${chunks[0].length}\r\n${chunks[0]}BDAT ${chunks[1].length} LAST\r\n${chunks[1]}QUIT\r\n`;
          const result = converse([EHLO, stream], { settings: { offers: { chunking: true } } });
          assertOne(result, hasDefect(content) ? undefined : content);
          assert.equal(result.codes.at(-1), "221", "no chunk was taken for commands");
        }
      });
    }
  }

  test("CR CRLF . CRLF has the end in it, and nothing behind it is believed", () => {
    const { codes, messages, isClosed } = converse([EHLO, `${ENVELOPE}DATA\r\n`, `text\r\r\n.\r\n${SMUGGLED}.\r\n`]);
    assert.deepEqual(codes.slice(5), DOUBTED);
    assert.deepEqual(messages, []);
    assert.ok(isClosed);
  });
});

const hasBareCr = (content: string): boolean => /\r(?!\n)/.test(content);

/** The one message, or none, and nothing of the other in an envelope. */
function assertOne({ messages, steps }: Conversation, content: string | undefined): void {
  const whole = { returnPath: "a@b.example", recipients: ["x@y.example"], content };
  assert.deepEqual(messages, content === undefined ? [] : [whole]);
  const envelopes = steps.filter(({ kind }) => kind === "mail");
  assert.equal(envelopes.length, 1, "one envelope");
}
