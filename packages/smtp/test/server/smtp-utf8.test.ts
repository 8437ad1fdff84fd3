import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { converse } from "./conversation.ts";

const EHLO = "EHLO c.example\r\n";
const settings = { offers: { smtpUtf8: true, dsn: true }, offersStatus: false, maxSyntaxErrors: 50 };
const octets = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

/** The replies behind that to EHLO, and what was asked. */
function say(text: string) {
  const { codes, steps, output } = converse([EHLO, octets(text)], { settings });
  return { codes: codes.slice(2).join(" "), output, steps };
}

describe("SMTPUTF8 (RFC 6531)", () => {
  test("is offered where Exim has it", () => {
    assert.match(converse([EHLO], { settings }).output, /\r\n250-STARTTLS\r\n250-SMTPUTF8\r\n250 HELP\r\n/);
    assert.ok(!converse([EHLO]).output.includes("SMTPUTF8"));
  });

  test("addresses in UTF-8 come through as octets", () => {
    const { steps } = say(
      'MAIL FROM:<jö@bücher.example> SMTPUTF8\r\nRCPT TO:<ö@例え.テスト>\r\nRCPT TO:<"ö x"@y.example>\r\n',
    );
    assert.deepEqual(steps.slice(1), [
      { kind: "mail", returnPath: octets("jö@bücher.example"), eightBit: false, smtpUtf8: true },
      { kind: "recipient", address: octets("ö@例え.テスト") },
      { kind: "recipient", address: octets('"ö x"@y.example') },
    ]);
  });

  const MAIL = "MAIL FROM:<a@b.example>";
  const rows: readonly [name: string, send: string, codes: string][] = [
    ["the parameter in any case and place", "MAIL FROM:<ö@b.example> SIZE=5 smtputf8 BODY=8BITMIME\r\n", "250"],
    ["ASCII addresses with it", `${MAIL} SMTPUTF8\r\nRCPT TO:<x@y.example>\r\n`, "250 250"],
    ["a sender without it", "MAIL FROM:<ö@b.example>\r\nMAIL FROM:<a@bü.example> SIZE=5\r\n", "553 553"],
    ["a recipient without it", `${MAIL}\r\nRCPT TO:<ö@y.example>\r\nRCPT TO:<x@ü.example>\r\n`, "250 553 553"],
    [
      "a recipient of the next transaction",
      `${MAIL} SMTPUTF8\r\nRSET\r\n${MAIL}\r\nRCPT TO:<ö@y.example>\r\n`,
      "250 250 250 553",
    ],
    ["a value", `${MAIL} SMTPUTF8=1\r\n`, "501"],
    ["twice", `${MAIL} SMTPUTF8 SMTPUTF8\r\n`, "501"],
    ["at RCPT", `${MAIL} SMTPUTF8\r\nRCPT TO:<x@y.example> SMTPUTF8\r\n`, "250 555"],
    [
      "a domain that is none",
      `${MAIL} SMTPUTF8\r\nRCPT TO:<x@ü .example>\r\nRCPT TO:<x@ü..example>\r\n`,
      "250 501 501",
    ],
    ["a label that is too long", `${MAIL} SMTPUTF8\r\nRCPT TO:<x@${"ü".repeat(62)}.example>\r\n`, "250 501"],
    ["a control character of C1", `${MAIL} SMTPUTF8\r\nRCPT TO:<x\x85@y.example>\r\n`, "250 501"],
    ["ORCPT in UTF-8 (RFC 6533)", `${MAIL} SMTPUTF8\r\nRCPT TO:<x@y.example> ORCPT=utf-8;ö@y.example\r\n`, "250 250"],
    [
      "the same under another type",
      `${MAIL} SMTPUTF8\r\nRCPT TO:<x@y.example> ORCPT=rfc822;ö@y.example\r\n`,
      "250 501",
    ],
    ["the same without SMTPUTF8", `${MAIL}\r\nRCPT TO:<x@y.example> ORCPT=utf-8;ö@y.example\r\n`, "250 501"],
    ["ENVID in UTF-8", `${MAIL} SMTPUTF8 ENVID=ö\r\n`, "501"],
  ];
  for (const [name, send, codes] of rows) test(name, () => assert.equal(say(send).codes, codes));

  test("octets that are no UTF-8 are refused", () => {
    const { output } = converse(
      [EHLO, "MAIL FROM:<a\xff@b.example> SMTPUTF8\r\nMAIL FROM:<a@b\xc3.example> SMTPUTF8\r\n"],
      { settings },
    );
    assert.match(output, /(?:501 <[^>]*> SMTPUTF8: invalid UTF-8 byte sequence\r\n){2}$/);
  });

  test("is unknown where it is not offered", () => {
    assert.deepEqual(converse([EHLO, "MAIL FROM:<a@b.example> SMTPUTF8\r\n"]).codes.slice(2), ["555"]);
    const hello = converse(["HELO c.example\r\n", "MAIL FROM:<a@b.example> SMTPUTF8\r\n"], { settings });
    assert.deepEqual(hello.codes.slice(2), ["555"]);
    assert.deepEqual(converse([EHLO, octets("MAIL FROM:<ö@b.example> SMTPUTF8\r\n")]).codes.slice(2), ["553"]);
  });
});
