import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Conversation, converse, type Decisions } from "./conversation.ts";

const EHLO = "EHLO c.example\r\n";
const MAIL = "MAIL FROM:<a@b.example> REQUIRETLS\r\n";
const offering: Decisions = { settings: { offers: { requireTls: true, chunking: true, prdr: true } } };

const inTls = (mail: string, decisions = offering): Conversation =>
  converse([EHLO, "STARTTLS\r\n", EHLO, mail], decisions);
const asked = ({ steps }: Conversation) => steps.filter(({ kind }) => kind === "mail");

describe("REQUIRETLS (RFC 8689)", () => {
  test("is offered inside of TLS only", () => {
    const { output } = inTls(MAIL);
    const [clear = "", secured = ""] = output.split("220 2.0.0 TLS go ahead");
    assert.match(clear, /250-STARTTLS/);
    assert.doesNotMatch(clear, /REQUIRETLS/);
    assert.match(secured, /250-ENHANCEDSTATUSCODES\r\n250-REQUIRETLS\r\n250-PRDR\r\n/);
  });

  test("the word at MAIL is told to the owner, in any case, beside others", () => {
    for (const words of ["REQUIRETLS", "SIZE=10 requiretls", "RequireTLS BODY=8BITMIME"]) {
      const conversation = inTls(`MAIL FROM:<a@b.example> ${words}\r\n`);
      assert.partialDeepStrictEqual(asked(conversation), [{ requireTls: true }]);
      assert.equal(conversation.codes.at(-1), "250");
    }
    const [without] = asked(inTls("MAIL FROM:<a@b.example> SIZE=10\r\n"));
    assert.ok(without !== undefined && !("requireTls" in without));
  });

  const refused: readonly [name: string, conversation: Conversation, reply: string][] = [
    ["in clear text", converse([EHLO, MAIL], offering), "555 5.5.4 unadvertised MAIL option: REQUIRETLS"],
    [
      "where this client is not offered it",
      inTls(MAIL, { ...offering, standing: { offers: { requireTls: false } } }),
      "555 5.5.4 unadvertised MAIL option: REQUIRETLS",
    ],
    ["where nobody is", inTls(MAIL, {}), "555 5.5.4 unadvertised MAIL option: REQUIRETLS"],
    [
      "before TLS has been greeted",
      converse([EHLO, "STARTTLS\r\n", "HELO c.example\r\n", MAIL], offering),
      "555 5.5.4 parameter REQUIRETLS not recognized",
    ],
    ["with a value", inTls(MAIL.replace("TLS", "TLS=x")), "501 5.5.4 invalid data for REQUIRETLS"],
    ["twice", inTls(MAIL.replace("\r", " REQUIRETLS\r")), "501 5.5.4 REQUIRETLS can be specified once only"],
  ];
  for (const [name, conversation, reply] of refused) {
    test(`${name}: ${reply}`, () => {
      assert.ok(conversation.output.endsWith(`${reply}\r\n`), conversation.output);
      assert.deepEqual(asked(conversation), []);
    });
  }
});
