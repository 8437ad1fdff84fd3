import type { BadInput } from "./bad-input.ts";
import { tryRows } from "./try-rows.ts";

const ENVELOPE = "MAIL FROM:<a@b.example>\r\nRCPT TO:<x@example.test>\r\n";
const MESSAGE = "Subject: x\r\n\r\ntext\r\n";
const SMUGGLED = "MAIL FROM:<evil@x.example>\r\n";
const blob = (octets: number): string => "A".repeat(octets);
/** The beginning of a TLS client's first message. */
const HELLO = "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03";
const TWO = "MAIL FROM:<a@b.example> PRDR\r\nRCPT TO:<x@example.test>\r\nRCPT TO:<y@example.test>\r\n";

const chunks: readonly BadInput[] = [
  { name: "BDAT 0", say: [[`${ENVELOPE}BDAT 0\r\n`, "250 250 250"]] },
  { name: "BDAT 0 LAST", say: [[`${ENVELOPE}BDAT 0 LAST\r\n`, "250 250 250"]] },
  {
    name: "BDAT -1",
    say: [[`${ENVELOPE}BDAT -1\r\n${SMUGGLED}`, "250 250 501"]],
    after: "closed",
    log: /rejected "BDAT -1": missing size for BDAT command/,
  },
  {
    name: "BDAT 2^64",
    say: [[`${ENVELOPE}BDAT 18446744073709551616 LAST\r\n${SMUGGLED}`, "250 250 552"]],
    after: "closed",
    log: /rejected "BDAT 18446744073709551616 LAST": Message size exceeds/,
  },
  {
    name: "BDAT of more than a message may have",
    say: [
      [`${ENVELOPE}BDAT 5242881 LAST\r\n`, "250 250"],
      [blob(5_242_881), "552"],
    ],
    log: /rejected after DATA: Message size exceeds maximum permitted/,
  },
  {
    name: "BDAT without LAST, then QUIT",
    say: [[`${ENVELOPE}BDAT ${MESSAGE.length}\r\n${MESSAGE}QUIT\r\n`, "250 250 250 221"]],
    after: "closed",
  },
  {
    name: "BDAT, then DATA",
    say: [
      [`${ENVELOPE}BDAT ${MESSAGE.length}\r\n${MESSAGE}DATA\r\n`, "250 250 250 503"],
      ["BDAT 0 LAST\r\n", "503"],
    ],
    log: /rejected after DATA: only BDAT permissible/,
  },
  {
    name: "a chunk that is shorter than was said, then the end",
    say: [[`${ENVELOPE}BDAT 1000 LAST\r\n${MESSAGE}`, "250 250"]],
    ends: "half-close",
    after: "closed",
  },
  { name: "a chunk that is longer than was said", say: [[`${ENVELOPE}BDAT 5 LAST\r\na: b\r\n`, "250 250 550 500"]] },
  { name: "a last line without its end", say: [[`${ENVELOPE}BDAT 4 LAST\r\na: b`, "250 250 250"]] },
  {
    name: "a last line of a body without its end",
    say: [[`${ENVELOPE}BDAT 12 LAST\r\na: b\r\n\r\ntext`, "250 250 250"]],
  },
  {
    name: "a chunk in single octets",
    packet: 1,
    say: [[`${ENVELOPE}BDAT ${MESSAGE.length} LAST\r\n${MESSAGE}`, "250 250 250"]],
  },
  { name: "BDAT before MAIL", say: [[`BDAT ${SMUGGLED.length} LAST\r\n${SMUGGLED}`, "503"]] },
];

/** draft-hall-prdr-00 */
const prdr: readonly BadInput[] = [
  {
    name: "an answer for each recipient, and the next command in the packet of the dot",
    say: [
      [`${TWO}DATA\r\n`, "250 250 250 354"],
      [`${MESSAGE}.\r\nNOOP\r\n`, "353 250 550 250 250"],
    ],
  },
  {
    name: "one recipient: one answer",
    say: [
      [`MAIL FROM:<> PRDR\r\nRCPT TO:<x@example.test>\r\nDATA\r\n`, "250 250 354"],
      [`${MESSAGE}.\r\n`, "250"],
    ],
  },
  {
    name: "content with a bare LF: one refusal for all",
    say: [
      [`${TWO}DATA\r\n`, "250 250 250 354"],
      [`Subject: x\n.\r\n${SMUGGLED}.\r\n`, "550"],
    ],
  },
  { name: "by BDAT, in single octets", packet: 1, say: [[`${TWO}BDAT 4 LAST\r\na:b\n`, "250 250 250 550"]] },
  {
    name: "the end in mid-content",
    say: [
      [`${TWO}DATA\r\n`, "250 250 250 354"],
      [`${MESSAGE}.`, ""],
    ],
    ends: "half-close",
    after: "closed",
  },
  {
    name: "RST behind the dot",
    say: [
      [`${TWO}DATA\r\n`, "250 250 250 354"],
      [`${MESSAGE}.\r\n`, "353 250 550 250"],
    ],
    ends: "reset",
  },
  { name: "PRDR twice", say: [["MAIL FROM:<> PRDR PRDR\r\n", "501"]] },
  { name: "PRDR with a value (Exim does not look at it)", say: [["MAIL FROM:<> PRDR=1\r\n", "250"]] },
  { name: "PRDR of a recipient", say: [["MAIL FROM:<>\r\nRCPT TO:<x@example.test> PRDR\r\n", "250 555"]] },
  {
    name: "PRDR behind HELO",
    begins: "silent",
    say: [
      ["HELO a\r\n", "250"],
      ["MAIL FROM:<> PRDR\r\n", "555"],
    ],
  },
];

/** More of TLS, where the client's side has to be a library, is in services/gateway/test: tls.test.ts, bdat.test.ts. */
const tls: readonly BadInput[] = [
  { name: "STARTTLS with words", say: [["STARTTLS now\r\n", "501"]] },
  { name: "STARTTLS twice", tls: true, say: [["STARTTLS\r\n", "503"]] },
  {
    name: "STARTTLS with clear text behind it",
    say: [[`STARTTLS\r\n${SMUGGLED}`, "554"]],
    after: "closed",
    log: /SMTP protocol synchronization error \(.*\): rejected "STARTTLS" H=/,
  },
  {
    name: "STARTTLS with clear text behind it instead of a handshake",
    say: [
      ["STARTTLS\r\n", "220"],
      [SMUGGLED, ""],
    ],
    after: "closed",
    log: /TLS error on connection from .*\(SSL_accept\)/,
  },
  { name: "STARTTLS, then the end", say: [["STARTTLS\r\n", "220"]], ends: "half-close", after: "closed" },
  { name: "STARTTLS forgets the envelope", tls: true, say: [["RCPT TO:<x@example.test>\r\n", "503"]] },
  {
    name: "TLS where clear text is spoken, before the greeting",
    begins: "early",
    from: "where greetings take long",
    say: [[HELLO, "554"]],
    after: "closed",
  },
  { name: "TLS where clear text is spoken, behind it", begins: "silent", say: [[`${HELLO}\r\n`, "501"]] },
  {
    name: "clear text where TLS is spoken",
    to: "tls port",
    begins: "early",
    say: [["EHLO c\r\n", ""]],
    after: "closed",
  },
  { name: "half a hello", to: "tls port", begins: "early", say: [[HELLO, ""]], ends: "half-close", after: "closed" },
];

const auth: readonly BadInput[] = [
  { name: "AUTH before TLS", say: [["AUTH PLAIN AGFubgBvcGVuIHNlc2FtZQ==\r\n", "503"]] },
  {
    name: "AUTH that is given up",
    tls: true,
    say: [
      ["AUTH PLAIN\r\n", "334"],
      ["*\r\n", "501"],
    ],
  },
  { name: "AUTH with what is no base64", tls: true, say: [["AUTH PLAIN !!!\r\n", "501"]] },
  {
    name: "AUTH with a wrong password",
    tls: true,
    say: [["AUTH PLAIN AGFubgB4\r\n", "535"]],
    log: /authenticator failed/,
  },
  { name: "AUTH by an unknown mechanism", tls: true, say: [["AUTH NTLM\r\n", "504"]] },
  { name: "AUTH without a mechanism", tls: true, say: [["AUTH\r\n", "504"]] },
  {
    name: "AUTH with 1 MB in its line",
    tls: true,
    say: [[`AUTH PLAIN ${blob(1_000_000)}\r\n`, "500"]],
    after: "closed",
  },
  {
    name: "AUTH with 1 MB behind the challenge",
    tls: true,
    say: [
      ["AUTH PLAIN\r\n", "334"],
      [`${blob(1_000_000)}\r\n`, "500"],
    ],
    after: "closed",
  },
  {
    name: "AUTH with NUL behind the challenge",
    tls: true,
    say: [
      ["AUTH PLAIN\r\n", "334"],
      ["\0\0\r\n", "501"],
    ],
  },
  { name: "AUTH in mid-transaction", tls: true, say: [["MAIL FROM:<>\r\nAUTH PLAIN\r\n", "250 503"]] },
];

await tryRows({
  BDAT: chunks,
  PRDR: prdr,
  TLS: tls,
  AUTH: auth,
});
