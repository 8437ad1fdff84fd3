import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { reply } from "@postbus/mail";
import type { SessionSettings } from "../../src/server/session-profile.ts";
import { converse, inPieces } from "./conversation.ts";

const EHLO = "EHLO c.example\r\n";
const MAIL = "MAIL FROM:<a@b.example>\r\n";
const RCPT = "RCPT TO:<x@y.example>\r\n";
const ENVELOPE = `${MAIL}${RCPT}DATA\r\n`;
const label = (octets: number): string => "a".repeat(octets);

interface Row {
  readonly name: string;
  readonly send: readonly string[];
  /** Codes behind the greeting's. */
  readonly codes: string;
  readonly settings?: Partial<SessionSettings>;
  readonly closes?: boolean;
  readonly reply?: RegExp;
}

/** Texts and the order of checks as in Exim 4.98 (`exim -bh`) where it has the command. */
const sessionRows: readonly Row[] = [
  {
    name: "EHLO lists the extensions",
    send: [EHLO],
    codes: "250",
    reply: /^250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250-STARTTLS\r\n250 HELP\r\n/m,
  },
  { name: "EHLO says the size limit", send: [EHLO], codes: "250", reply: /^250-SIZE 100000\r\n/m },
  {
    name: "EHLO without a size limit",
    send: [EHLO],
    codes: "250",
    settings: { messageSizeLimit: 0 },
    reply: /^250-SIZE\r\n/m,
  },
  {
    name: "STARTTLS is not offered without a certificate",
    send: [EHLO],
    codes: "250",
    settings: { offersTls: false },
    reply: /^(?!.*STARTTLS)/s,
  },
  {
    name: "HELO has no extensions",
    send: ["HELO c\r\n"],
    codes: "250",
    reply: /^250 mx.test Hello c \[192.0.2.1\]\r\n$/m,
  },
  { name: "EHLO with an address literal", send: ["EHLO [192.0.2.1]\r\n"], codes: "250" },
  { name: "EHLO without a name", send: ["EHLO\r\n"], codes: "501" },
  { name: "EHLO with an underscore", send: ["EHLO a_b\r\n"], codes: "501" },
  { name: "EHLO with two words", send: ["EHLO a b\r\n"], codes: "501" },
  { name: "EHLO with octets above 127", send: ["EHLO \xe4\r\n"], codes: "501" },
  { name: "HELO twice", send: ["HELO a\r\n", "HELO b\r\n"], codes: "250 250" },
  {
    name: "verbs in any case",
    send: ["eHlO c\r\n", "mail from:<>\r\n", "rcpt to:<a@b>\r\n", "quit\r\n"],
    codes: "250 250 250 221",
    closes: true,
  },
  {
    name: "blanks at the end of a line (RFC 5321 §4.1.1)",
    send: [EHLO, "NOOP  \r\n", "MAIL FROM:<a@b> \r\n"],
    codes: "250 250 250",
  },
  { name: "NOOP with words", send: ["NOOP what ever\r\n"], codes: "250" },
  { name: "HELP and VRFY", send: ["HELP\r\n", "VRFY x@y.test\r\n", "VRFY postmaster\r\n"], codes: "214 252 252" },
  { name: "QUIT", send: ["QUIT\r\n"], codes: "221", closes: true },
  { name: "QUIT with words", send: ["QUIT x\r\n"], codes: "501" },
  { name: "EXPN and ETRN are refused where nobody is asked", send: ["EXPN x\r\n", "ETRN #x\r\n"], codes: "550 458" },
  { name: "AUTH is not there", send: [EHLO, "AUTH PLAIN\r\n"], codes: "250 503" },
  {
    name: "BDAT is not there, and its content is not taken for commands",
    send: [EHLO, "BDAT 10 LAST\r\nRSET\r\n"],
    codes: "250 503",
    closes: true,
  },
  { name: "an empty line", send: ["\r\n"], codes: "500" },
  { name: "three unknown commands are borne", send: ["A\r\n", "B\r\n", "C\r\n", "NOOP\r\n"], codes: "500 500 500 250" },
  {
    name: "the fourth ends the session",
    send: ["A\r\n", "B\r\n", "C\r\n", "D\r\n"],
    codes: "500 500 500 500",
    closes: true,
    reply: /Too many unrecognized commands\r\n$/,
  },
  {
    name: "the fourth syntax error ends the session",
    send: ["EHLO\r\n", "EHLO\r\n", "EHLO\r\n", "RSET x\r\n"],
    codes: "501 501 501 501",
    closes: true,
    reply: /501-5.5.4 unexpected argument data\r\n501 5.5.4 Too many syntax or protocol errors\r\n$/,
  },
  {
    name: "the fourth, if it is EHLO, ends it without another word",
    send: ["RSET x\r\n", "EHLO\r\n", "EHLO\r\n", "EHLO\r\n"],
    codes: "501 501 501 501",
    closes: true,
    reply: /\r\n501 5.5.4 Syntactically invalid EHLO argument\(s\)\r\n$/,
  },
  {
    name: "MAIL and RSET for ever are a flood: it may come again later",
    send: [
      "EHLO c.test\r\n",
      "MAIL FROM:<a@b.test>\r\n",
      "RSET\r\n".repeat(90),
      ...Array<string>(40).fill(`MAIL FROM:<a@b.test>\r\n${"RSET\r\n".repeat(30)}`),
    ],
    settings: { maxNonmail: 2_000 },
    codes: ["250", ...Array<string>(999).fill("250"), "421"].join(" "),
    closes: true,
    reply: /421 4\.7\.0 Too many commands without a message\r\n$/,
  },
  { name: "a bare LF ends no command", send: ["NOOP\n"], codes: "500" },
  { name: "a CR inside a command", send: ["NO\rOP\r\n"], codes: "500" },
  { name: "NUL inside a command", send: ["NO\0OP\r\n"], codes: "501" },
  { name: "a line of 4,096 octets is read", send: [`NOOP ${label(4089)}\r\n`], codes: "250" },
  { name: "a longer one ends the session", send: [`NOOP ${label(4090)}\r\n`], codes: "500", closes: true },
  { name: "a line without end is cut at 4,096 octets", send: inPieces(label(10_000), 100), codes: "500", closes: true },
  {
    name: "ten commands that are no mail are borne, not more",
    send: [EHLO, "NOOP\r\n".repeat(20)],
    codes: `250 ${"250 ".repeat(10)}554`,
    closes: true,
  },
  {
    name: "MAIL does not start the count again",
    send: [EHLO, "NOOP\r\n".repeat(6), MAIL, ...Array<string>(5).fill("NOOP\r\n")],
    codes: `250 ${"250 ".repeat(11)}554`,
    closes: true,
  },
  {
    name: "one RSET between two messages is not counted",
    send: [
      EHLO,
      ...Array<string>(5)
        .fill(`RSET\r\n${MAIL}${RCPT}DATA\r\n`)
        .flatMap((group) => [group, "\r\n.\r\n"]),
      "QUIT\r\n",
    ],
    codes: `250 ${"250 250 250 354 250 ".repeat(5)}221`,
    settings: { maxNonmail: 0 },
    closes: true,
  },
  {
    name: "ETRN inside a transaction",
    send: [EHLO, MAIL, "ETRN #x\r\n"],
    codes: "250 250 503",
    reply: /ETRN is not permitted inside a transaction/,
  },
  { name: "EHLO with an IPv6 address without its tag", send: ["EHLO [2001:db8::1]\r\n"], codes: "250" },
  { name: "EHLO with an IPv4 address with a tag", send: ["EHLO [IPv4:192.0.2.1]\r\n"], codes: "250" },
  { name: "EHLO with a tag of the other kind", send: ["EHLO [IPv4:2001:db8::1]\r\n"], codes: "501" },
  { name: "EHLO with an IPv6 address and its zone", send: ["EHLO [fe80::1%eth0]\r\n"], codes: "250" },
  {
    name: "domain literals where they are not allowed",
    send: [EHLO, "MAIL FROM:<a@[192.0.2.1]>\r\n", MAIL, "RCPT TO:<a@[IPv6:2001:db8::1]>\r\n"],
    codes: "250 501 250 501",
    settings: { acceptsLiterals: false },
    reply: /501 5.5.4 <a@\[192.0.2.1\]>: domain literals not allowed/,
  },
];

const orderRows: readonly Row[] = [
  { name: "MAIL before EHLO", send: [MAIL], codes: "503" },
  { name: "RCPT before MAIL", send: [EHLO, RCPT], codes: "250 503" },
  { name: "DATA before MAIL", send: [EHLO, "DATA\r\n"], codes: "250 503" },
  { name: "DATA without recipients", send: [EHLO, MAIL, "DATA\r\n"], codes: "250 250 503" },
  { name: "nested MAIL", send: [EHLO, MAIL, MAIL], codes: "250 250 503" },
  { name: "DATA with words", send: [EHLO, MAIL, RCPT, "DATA x\r\n"], codes: "250 250 250 501" },
  { name: "RSET forgets the envelope", send: [EHLO, MAIL, RCPT, "RSET\r\n", "DATA\r\n"], codes: "250 250 250 250 503" },
  { name: "RSET with words", send: [EHLO, "RSET x\r\n"], codes: "250 501" },
  { name: "EHLO forgets the envelope", send: [EHLO, MAIL, EHLO, RCPT], codes: "250 250 250 503" },
  {
    name: "a message, and the next one",
    send: [EHLO, ENVELOPE, "A: b\r\n\r\nc\r\n.\r\n", ENVELOPE, ".\r\n"],
    codes: "250 250 250 354 250 250 250 354 250",
  },
  {
    name: "the next transaction behind the final dot (RFC 2920)",
    send: [EHLO, ENVELOPE, `x\r\n.\r\n${ENVELOPE}`, ".\r\nQUIT\r\n"],
    codes: "250 250 250 354 250 250 250 354 250 221",
    closes: true,
  },
];

const syncRows: readonly Row[] = [
  { name: "EHLO must end its group", send: [`${EHLO}NOOP\r\n`], codes: "554", closes: true },
  { name: "a whole session in one packet", send: [`${EHLO}${ENVELOPE}x\r\n.\r\nQUIT\r\n`], codes: "554", closes: true },
  { name: "a group behind HELO", send: ["HELO c\r\n", `${MAIL}${RCPT}`], codes: "250 554", closes: true },
  { name: "content before 354", send: [EHLO, `${ENVELOPE}Subject: x\r\n`], codes: "250 250 250 554", closes: true },
  {
    name: "STARTTLS with clear text behind it (CVE-2011-0411)",
    send: [EHLO, `STARTTLS\r\n${MAIL}`],
    codes: "250 554",
    closes: true,
  },
  { name: "STARTTLS with words", send: [EHLO, "STARTTLS x\r\n"], codes: "250 501" },
  { name: "STARTTLS before EHLO", send: ["STARTTLS\r\n"], codes: "503" },
  { name: "STARTTLS not offered", send: [EHLO, "STARTTLS\r\n"], codes: "250 503", settings: { offersTls: false } },
  { name: "STARTTLS twice", send: [EHLO, "STARTTLS\r\n", EHLO, "STARTTLS\r\n"], codes: "250 220 250 503" },
  { name: "STARTTLS twice without EHLO", send: [EHLO, "STARTTLS\r\n", "STARTTLS\r\n"], codes: "250 220 503" },
  { name: "STARTTLS forgets EHLO", send: [EHLO, "STARTTLS\r\n", MAIL], codes: "250 220 503" },
  {
    name: "STARTTLS forgets the envelope",
    send: [EHLO, MAIL, RCPT, "STARTTLS\r\n", EHLO, "DATA\r\n"],
    codes: "250 250 250 220 250 503",
  },
  {
    name: "it is not offered again",
    send: [EHLO, "STARTTLS\r\n", EHLO],
    codes: "250 220 250",
    reply: /250-ENHANCEDSTATUSCODES\r\n250 HELP\r\n$/,
  },
];

const envelopeRows: readonly Row[] = [
  { name: "the null reverse-path", send: [EHLO, "MAIL FROM:<>\r\n"], codes: "250 250" },
  { name: "blanks before the path", send: [EHLO, "MAIL FROM:  <a@b>\r\n", "RCPT TO: <a@b>\r\n"], codes: "250 250 250" },
  { name: "MAIL alone", send: [EHLO, "MAIL\r\n"], codes: "250 500" },
  { name: "MAIL FROM: alone", send: [EHLO, "MAIL FROM:\r\n"], codes: "250 501" },
  { name: "a sender without a domain", send: [EHLO, "MAIL FROM:<b>\r\n"], codes: "250 501" },
  {
    name: "an `@` in quotes is no domain's (Exim 4.98)",
    send: [EHLO, 'MAIL FROM:<"a@b">\r\n', MAIL, 'RCPT TO:<"a@b">\r\n'],
    codes: "250 501 250 501",
    reply: /<"a@b">: recipient address must contain a domain\r\n$/,
  },
  { name: "a path of blanks", send: [EHLO, "MAIL FROM:< >\r\n"], codes: "250 501" },
  { name: "words behind the path", send: [EHLO, "MAIL FROM:<a@b>x\r\n"], codes: "250 501" },
  { name: "SIZE", send: [EHLO, "MAIL FROM:<a@b> SIZE=100000\r\n"], codes: "250 250" },
  { name: "SIZE above the limit", send: [EHLO, "MAIL FROM:<a@b> SIZE=100001\r\n", MAIL], codes: "250 552 250" },
  { name: "SIZE of twenty digits", send: [EHLO, "MAIL FROM:<a@b> SIZE=99999999999999999999\r\n"], codes: "250 552" },
  {
    name: "SIZE that is no number",
    send: [EHLO, "MAIL FROM:<a@b> SIZE=1k\r\n", "MAIL FROM:<a@b> SIZE\r\n"],
    codes: "250 501 501",
  },
  { name: "BODY", send: [EHLO, "MAIL FROM:<a@b> BODY=8bitmime\r\n"], codes: "250 250" },
  { name: "an unknown BODY", send: [EHLO, "MAIL FROM:<a@b> BODY=9BIT\r\n"], codes: "250 501" },
  { name: "a parameter twice", send: [EHLO, "MAIL FROM:<a@b> BODY=7BIT BODY=7BIT\r\n"], codes: "250 501" },
  {
    name: "unknown parameters of MAIL",
    send: [EHLO, "MAIL FROM:<a@b> RET=X\r\n", "MAIL FROM:<a@b> UNKNOWN\r\n"],
    codes: "250 555 555",
  },
  {
    name: "the whole catalogue of parameters",
    send: [
      EHLO,
      "MAIL FROM:<a> SIZE=99999999999999999999 BODY=9BIT RET=X ENVID=+0D+0A AUTH=<> PRDR PRDR REQUIRETLS UNKNOWN=1\r\n",
    ],
    codes: "250 501",
  },
  { name: "an unknown parameter of RCPT", send: [EHLO, MAIL, "RCPT TO:<a@b> NOTIFY=NEVER\r\n"], codes: "250 250 555" },
  { name: "a malformed parameter", send: [EHLO, "MAIL FROM:<a@b> =x\r\n"], codes: "250 501" },
  { name: "parameters behind HELO", send: ["HELO c\r\n", "MAIL FROM:<a@b> SIZE=1\r\n"], codes: "250 555" },
  { name: "an empty recipient", send: [EHLO, MAIL, "RCPT TO:<>\r\n"], codes: "250 250 501" },
  { name: "a recipient without a domain", send: [EHLO, MAIL, "RCPT TO:<bob>\r\n"], codes: "250 250 501" },
  {
    name: "postmaster needs none (RFC 5321 §4.5.1)",
    send: [EHLO, MAIL, "RCPT TO:<PostMaster>\r\n"],
    codes: "250 250 250",
  },
  {
    name: "octets above 127",
    send: [EHLO, "MAIL FROM:<\xe4@b>\r\n", MAIL, "RCPT TO:<a@\xe4>\r\n"],
    codes: "250 553 250 553",
  },
  { name: "a domain that ends with a dot", send: [EHLO, MAIL, "RCPT TO:<u@d.>\r\n"], codes: "250 250 501" },
  {
    name: "a domain of 256 octets",
    send: [EHLO, MAIL, `RCPT TO:<u@${`${label(63)}.`.repeat(4)}>\r\n`],
    codes: "250 250 501",
  },
  {
    name: "recipients_max",
    send: [EHLO, MAIL, RCPT, RCPT, RCPT, "DATA\r\n"],
    codes: "250 250 250 250 452 354",
    settings: { recipientsMax: 2 },
  },
];

const messageRows: readonly Row[] = [
  { name: "an empty message", send: [EHLO, ENVELOPE, ".\r\n"], codes: "250 250 250 354 250" },
  {
    name: "a message at the size limit",
    send: [EHLO, ENVELOPE, "A: b\r\n\r\n12\r\n.\r\n"],
    codes: "250 250 250 354 250",
    settings: { messageSizeLimit: 12 },
  },
  {
    name: "one octet more",
    send: [EHLO, ENVELOPE, "A: b\r\n\r\n123\r\n.\r\n", MAIL],
    codes: "250 250 250 354 552 250",
    settings: { messageSizeLimit: 12 },
  },
  { name: "a bare LF", send: [EHLO, ENVELOPE, "a\nb\r\n.\r\n", MAIL], codes: "250 250 250 354 550 250" },
  { name: "NUL", send: [EHLO, ENVELOPE, "a\0b\r\n.\r\n", MAIL], codes: "250 250 250 354 550 250" },
  {
    name: "a bare CR: the end is in doubt",
    send: [EHLO, ENVELOPE, `a\r\r\n.\r\n${MAIL}${RCPT}`],
    codes: "250 250 250 354 550 421",
    closes: true,
  },
  {
    name: "29 Received fields and ours",
    send: [EHLO, ENVELOPE, `${"Received: x\r\n".repeat(29)}\r\n.\r\n`],
    codes: "250 250 250 354 250",
  },
  {
    name: "31 with ours are a loop",
    send: [EHLO, ENVELOPE, `${"received : x\r\n".repeat(30)}\r\n.\r\n`],
    codes: "250 250 250 354 550",
    reply: /550 5.4.6 Too many "Received" headers/,
  },
  {
    name: "Received lines in the body are not counted",
    send: [EHLO, ENVELOPE, `A: b\r\n\r\n${"Received: x\r\n".repeat(31)}.\r\n`],
    codes: "250 250 250 354 250",
  },
  {
    name: "a header section above header_maxsize",
    send: [EHLO, ENVELOPE, `A: ${label(10_000)}\r\n\r\n.\r\n`],
    codes: "250 250 250 354 552",
  },
  {
    name: "1,000 fields",
    send: [EHLO, ENVELOPE, `${"a:\r\n".repeat(1_000)}\r\n.\r\n`],
    codes: "250 250 250 354 250",
    settings: { headerMaxOctets: 1_000_000 },
  },
  {
    name: "a header section of more fields than that",
    send: [EHLO, ENVELOPE, `${"a:\r\n".repeat(1_001)}\r\n.\r\n`, "NOOP\r\n"],
    codes: "250 250 250 354 552 250",
    settings: { headerMaxOctets: 1_000_000 },
  },
  {
    name: "a field of 100 KiB",
    send: [EHLO, ENVELOPE, `C:${label(102_396)}\r\n\r\n.\r\n`],
    codes: "250 250 250 354 250",
    settings: { headerMaxOctets: 1_000_000, messageSizeLimit: 0 },
  },
  {
    name: "a field of more than 100 KiB in many lines",
    send: [EHLO, ENVELOPE, `A: b\r\nC:${` ${label(1_021)}\r\n`.repeat(101)}\r\n.\r\n`, "NOOP\r\n"],
    codes: "250 250 250 354 552 250",
    settings: { headerMaxOctets: 1_000_000, messageSizeLimit: 0 },
  },
  {
    name: "a field of more than 100 KiB in one line",
    send: [EHLO, ENVELOPE, `C:${label(102_400)}\r\n\r\n.\r\n`, "NOOP\r\n"],
    codes: "250 250 250 354 552 250",
    settings: { headerMaxOctets: 1_000_000, messageSizeLimit: 0 },
  },
  {
    name: "a long body is no header",
    send: [EHLO, ENVELOPE, `A: b\r\n\r\n${label(20_000)}\r\n.\r\n`],
    codes: "250 250 250 354 250",
  },
  {
    name: "lines of 100,000 octets",
    send: [EHLO, ENVELOPE, `\r\n${label(99_000)}\r\n.\r\n`],
    codes: "250 250 250 354 250",
  },
];

const tables = {
  session: sessionRows,
  order: orderRows,
  synchronization: syncRows,
  envelope: envelopeRows,
  message: messageRows,
};
for (const [table, rows] of Object.entries(tables)) {
  describe(`ServerSession: ${table}`, () => {
    for (const { name, send, codes, settings = {}, closes = false, reply: text } of rows) {
      test(name, () => {
        const conversation = converse(send, { settings });
        assert.equal(conversation.codes.join(" "), `220 ${codes}`.trim(), conversation.output);
        assert.equal(conversation.isClosed, closes);
        if (text !== undefined) assert.match(conversation.output, text);
      });
    }
  });
}

describe("ServerSession", () => {
  test("who speaks before the greeting gets none", () => {
    const { codes, isClosed } = converse([], { early: "EHLO c\r\n" });
    assert.deepEqual(codes, ["554"]);
    assert.ok(isClosed);
  });

  test("who may speak first gets all answers, and may send behind EHLO (PIPECONNECT)", () => {
    const early = `${EHLO}${MAIL}${RCPT}DATA\r\n`;
    const { codes, output, isClosed } = converse([], { early, standing: { maySpeakFirst: true } });
    assert.deepEqual(codes, ["220", "250", "250", "250", "354"]);
    assert.match(output, /^250-PIPELINING\r\n250-PIPECONNECT\r\n/m);
    assert.ok(!isClosed);
  });

  test("who may speak first must wait behind DATA all the same", () => {
    const early = `${EHLO}${MAIL}${RCPT}DATA\r\nSubject: x\r\n\r\n.\r\n`;
    const { codes, isClosed } = converse([], { early, standing: { maySpeakFirst: true } });
    assert.deepEqual(codes, ["220", "250", "250", "250", "554"]);
    assert.ok(isClosed);
  });

  test("without accept_8bitmime, 8BITMIME is neither offered nor taken", () => {
    const { codes, output } = converse([EHLO, "MAIL FROM:<a@b.test> BODY=8BITMIME\r\n", MAIL], {
      settings: { offersEightBitMime: false },
    });
    assert.doesNotMatch(output, /8BITMIME\r/);
    assert.deepEqual(codes, ["220", "250", "555", "250"]);
  });

  test("a refused connection is told why and closed", () => {
    const { output, isClosed } = converse([EHLO], { decide: () => reply(550, "5.7.1", "go away") });
    assert.equal(output, "550 5.7.1 go away\r\n");
    assert.ok(isClosed);
  });

  test("a refused MAIL is no transaction", () => {
    const decide = ({ kind }: { kind: string }) => (kind === "mail" ? reply(550, "5.7.1", "no") : undefined);
    assert.deepEqual(converse([EHLO, MAIL, RCPT], { decide }).codes, ["220", "250", "550", "503"]);
  });

  test("421 from policy ends the session", () => {
    const decide = ({ kind }: { kind: string }) => (kind === "recipient" ? reply(421, "4.7.0", "later") : undefined);
    const { codes, isClosed } = converse([EHLO, `${MAIL}${RCPT}${RCPT}`], { decide });
    assert.deepEqual(codes, ["220", "250", "250", "421"]);
    assert.ok(isClosed);
  });

  test("when all recipients are refused alike, DATA repeats the reason, and a pipelined one is no fault", () => {
    const decide = ({ kind }: { kind: string }) =>
      kind === "recipient" ? reply(550, "5.7.1", "relay not permitted") : undefined;
    const { output } = converse([EHLO, `${MAIL}${RCPT}${RCPT}DATA\r\n`], { decide, settings: { maxSyntaxErrors: 0 } });
    assert.ok(
      output.endsWith(
        "550 5.7.1 relay not permitted\r\n550 5.7.1 relay not permitted\r\n" +
          "503-5.5.1 All RCPT commands were rejected with this error:\r\n503-5.5.1 relay not permitted\r\n" +
          "503 5.5.1 Valid RCPT command must precede DATA\r\n",
      ),
      output,
    );
  });

  test("a message may be refused at its end, and the session goes on", () => {
    const decide = ({ kind }: { kind: string }) => (kind === "end" ? reply(452, "4.3.1", "full") : undefined);
    const { codes } = converse([EHLO, ENVELOPE, ".\r\n", MAIL], { decide });
    assert.deepEqual(codes, ["220", "250", "250", "250", "354", "452", "250"]);
  });

  test("envelope and content come out as they were meant", () => {
    const mail = "MAIL FROM:<@r.example:Ann@B.example> SIZE=20 BODY=8BITMIME\r\n";
    const rcpt =
      'RCPT TO:<R1@y.example>\r\nRCPT TO:<r1@y.example>\r\nRCPT TO:<"a b"@y.example>\r\nRCPT TO:<u@[192.0.2.9]>\r\n';
    const { messages, steps } = converse([EHLO, `${mail}${rcpt}DATA\r\n`, "A: b\r\n\r\n..c\r\nd\r\n.\r\n"]);
    assert.deepEqual(messages, [
      {
        returnPath: "Ann@B.example",
        recipients: ["R1@y.example", "r1@y.example", '"a b"@y.example', "u@[192.0.2.9]"],
        content: "A: b\r\n\r\n.c\r\nd\r\n",
      },
    ]);
    assert.deepEqual(steps[1], { kind: "mail", returnPath: "Ann@B.example", size: 20, eightBit: true });
  });

  test("content after a refusal is given to nobody", () => {
    const { steps, messages } = converse([EHLO, ENVELOPE, "A: b\r\n\r\nx\r\n", "y\ny\r\n", "z\r\n", ".\r\n"]);
    assert.deepEqual(
      steps.map((step) => step.kind),
      ["connect", "mail", "recipient", "data", "header", "content", "refused"],
    );
    assert.deepEqual(messages, []);
  });

  test("one reading is answered with one output", () => {
    const { output } = converse([EHLO, ENVELOPE]);
    assert.match(output, /250 2\.1\.0 OK\r\n250 2\.1\.5 Accepted\r\n354 .*\r\n$/);
  });
});
