import type { BadInput } from "./bad-input.ts";
import { tryRows } from "./try-rows.ts";

const MAIL = "MAIL FROM:<a@b.example>\r\n";
const RCPT = "RCPT TO:<x@example.test>\r\n";
const octets = (text: string): string => Buffer.from(text, "utf8").toString("latin1");
const label = (length: number): string => "a".repeat(length);

/** A path as sender and as recipient, the codes for both. Where RFC and Exim 4.98 differ, it is as with Exim. */
const paths: readonly (readonly [path: string, sender: string, recipient: string])[] = [
  ["<>", "250", "501"],
  ["< >", "501", "501"],
  ["<", "501", "501"],
  [">", "501", "501"],
  ["<<a@example.test>>", "501", "501"],
  ["<a@example.test", "501", "501"],
  ["<a@example.test>>", "501", "501"],
  ["a@example.test", "250", "250"],
  ["<@a,@b:u@example.test>", "250", "250"],
  ["<@a,@b:>", "501", "501"],
  ['<"a b"@example.test>', "250", "250"],
  ['<"\\""@example.test>', "250", "250"],
  ['<"a@b"@example.test>', "250", "250"],
  ['<"a@b">', "501", "501"],
  ['<"a@example.test>', "501", "501"],
  ['<""@example.test>', "250", "250"],
  ["<u@[1.2.3.4]>", "250", "550"],
  ["<u@[IPv6:::1]>", "250", "550"],
  ["<u@[1.2.3.400]>", "501", "501"],
  ["<u@[]>", "501", "501"],
  ["<u@d.>", "501", "501"],
  ["<u@.d>", "501", "501"],
  ["<u@a..d>", "501", "501"],
  ["<u@-d>", "501", "501"],
  ["<a@b@example.test>", "501", "501"],
  ["<a..b@example.test>", "250", "250"],
  [`<${label(65)}@example.test>`, "250", "250"],
  [`<u@${`${label(63)}.`.repeat(4)}>`, "501", "501"],
  [`<u@${label(64)}.test>`, "501", "501"],
  [`<${label(300)}@example.test>`, "501", "501"],
  ["<u@xn--\x7f.test>", "500", "500"],
  ["<u@xn--zzzzzzzz99.test>", "250", "550"],
  ["<a+b@example.test>", "250", "250"],
  ["<a%b@example.test>", "250", "250"],
  ["<a!b@example.test>", "250", "250"],
  ["<|cmd@example.test>", "250", "250"],
  ["</etc/passwd@example.test>", "250", "250"],
  ["<../../x@example.test>", "250", "250"],
  ["<:include:/etc/passwd@example.test>", "501", "501"],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a policy's language, not ours
  ["<${run{id}}@example.test>", "250", "250"],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a policy's language, not ours
  ['<"${run{/bin/touch /tmp/x}}"@example.test>', "250", "250"],
  [`<"';drop table x--"@example.test>`, "250", "250"],
  ["<a\tb@example.test>", "500", "500"],
  ["<a\0b@example.test>", "501", "501"],
  [octets("<j\u00f6@example.test>"), "553", "553"],
  [octets("<u@b\u00fccher.test>"), "553", "553"],
  ["<\xff@example.test>", "501", "553"],
  ["<a>", "501", "501"],
  ["<postmaster>", "501", "550"],
];

const both = ([path, sender, recipient]: (typeof paths)[number]): BadInput => ({
  name: JSON.stringify(path).slice(0, 60),
  say: [[`MAIL FROM:${path}\r\nRSET\r\n${MAIL}RCPT TO:${path}\r\n`, `${sender} 250 250 ${recipient}`]],
});

/** What stands behind MAIL FROM:<…>, and behind RCPT TO:<…> (RFC 1870, 3461, 6152, 6531). */
const parameters = (
  command: string,
  before: string,
  rows: readonly (readonly [words: string, code: string])[],
): BadInput[] =>
  rows.map(([words, code]) => ({
    name: `${command.trimEnd()} ${words}`.slice(0, 70),
    say: [[`${before}${command} ${words}\r\n`, `${before === "" ? "" : "250 "}${code}`]],
  }));

const ofMail = parameters("MAIL FROM:<a@b.example>", "", [
  ["SIZE=5242880", "250"],
  ["SIZE=5242881", "552"],
  ["SIZE=99999999999999999999", "552"],
  ["SIZE=999999999999999999999", "501"],
  ["SIZE=-1", "501"],
  ["SIZE=", "501"],
  ["SIZE=1 SIZE=1", "501"],
  ["BODY=9BIT", "501"],
  ["BODY", "501"],
  ["RET=X", "501"],
  ["RET=HDRS RET=FULL", "501"],
  ["ENVID=+0D+0A", "501"],
  ["ENVID=+ZZ", "501"],
  [`ENVID=${label(101)}`, "501"],
  ["AUTH=<>", "555"],
  ["SMTPUTF8=1", "501"],
  ["SMTPUTF8 SMTPUTF8", "501"],
  ["UNKNOWN=1", "555"],
  ["=1", "501"],
  [`${"X=1 ".repeat(900)}`, "501"],
  ["SIZE=99999999999999999999 BODY=9BIT RET=X ENVID=+0D+0A AUTH=<> PRDR PRDR REQUIRETLS UNKNOWN=1", "501"],
]);

const ofRcpt = parameters("RCPT TO:<x@example.test>", MAIL, [
  ["NOTIFY=NEVER", "250"],
  ["NOTIFY=NEVER,SUCCESS", "501"],
  ["NOTIFY=", "501"],
  ["NOTIFY=SOMETIMES", "501"],
  ["NOTIFY=SUCCESS,SUCCESS", "250"],
  ["ORCPT=rfc822;u+2Bo@d", "250"],
  ["ORCPT=u@d", "501"],
  ["ORCPT=;u@d", "501"],
  ["ORCPT=rfc822;+ZZ", "501"],
  ["ORCPT=rfc822;a+0D+0AX-Evil:+20yes", "501"],
  [`ORCPT=rfc822;${label(501)}`, "501"],
  ["RET=FULL", "555"],
]);

const ofUtf8: readonly BadInput[] = [
  {
    name: "letters of several scripts",
    say: [
      [
        octets("MAIL FROM:<\u0430dmin@\u0440\u0430ypal.test> SMTPUTF8\r\nRCPT TO:<\u4f8b@example.test>\r\nRSET\r\n"),
        "250 250 250",
      ],
    ],
  },
  { name: "octets that are no UTF-8", say: [["MAIL FROM:<\xff\xfe@b.test> SMTPUTF8\r\n", "501"]] },
  { name: "a form that is too long", say: [["MAIL FROM:<a\xc0\xaf@b.test> SMTPUTF8\r\n", "501"]] },
  { name: "a control character of Unicode", say: [["MAIL FROM:<a\xc2\x85@b.test> SMTPUTF8\r\n", "501"]] },
  { name: "a domain with nothing between two dots", say: [[octets("MAIL FROM:<a@\u00fc..test> SMTPUTF8\r\n"), "501"]] },
  {
    name: "a recipient where MAIL has not said so",
    say: [[octets(`${MAIL}RCPT TO:<j\u00f6@example.test>\r\n`), "250 553"]],
  },
];

const many: readonly BadInput[] = [
  {
    name: "the same recipient again and again",
    say: [
      [`${MAIL}${RCPT.repeat(500)}DATA\r\n`, `250 ${"250 ".repeat(500)}354`],
      ["\r\n.\r\n", "250"],
    ],
  },
  {
    name: "the same recipient in other letters",
    say: [
      [
        `${MAIL}RCPT TO:<x@example.test>\r\nRCPT TO:<X@EXAMPLE.TEST>\r\nRCPT TO:<x@Example.Test>\r\nDATA\r\n`,
        "250 250 250 250 354",
      ],
      ["\r\n.\r\n", "250"],
    ],
  },
  { name: "MAIL and RSET again and again", say: [[`${MAIL}RSET\r\n`.repeat(15), "250 ".repeat(30)]] },
  { name: "no address", say: [["MAIL FROM\r\nMAIL\r\nMAIL FROM:\r\n", "500 500 501"]] },
  { name: "no colon", say: [["MAIL FROM <a@b.example>\r\nMAIL TO:<a@b.example>\r\n", "500 500"]] },
  { name: "blanks where none belong", say: [["MAIL FROM : <a@b.example>\r\nMAIL FROM: <a@b.example>\r\n", "500 250"]] },
];

/** RFC 5321 §4.1.1.1; what Exim takes besides is in packages/smtp. */
const names: readonly BadInput[] = [
  ...["", " ", "a b", "a_b", "a\xe4", "<a>", "a;b", "$(id)", "[1.2.3]", label(256)].map(
    (name): BadInput => ({
      name: `EHLO ${JSON.stringify(name).slice(0, 20)}`,
      begins: "silent",
      say: [[`EHLO ${name}\r\n`, "501"]],
    }),
  ),
];

await tryRows({
  Paths: paths.map(both),
  "Parameters of MAIL": ofMail,
  "Parameters of RCPT": ofRcpt,
  SMTPUTF8: ofUtf8,
  "Names of clients": names,
  "Many, and none": many,
});
