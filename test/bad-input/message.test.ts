import type { BadInput } from "./bad-input.ts";
import { tryRows } from "./try-rows.ts";

const ENVELOPE = "MAIL FROM:<a@b.example>\r\nRCPT TO:<x@example.test>\r\nDATA\r\n";
const fill = (octets: number): string => "a".repeat(octets);
const MIME = "MIME-Version: 1.0\r\n";

/** Content without its end, which is taken: it is delivered, and the session goes on. */
const taken = (name: string, content: string): BadInput => ({
  name,
  say: [
    [ENVELOPE, "250 250 354"],
    [`${content}.\r\n`, "250"],
  ],
  text: /^250 2\.0\.0 OK id=/,
});

/** Content that is refused at its end. @param why In the reply, and in the log. */
const refused = (name: string, content: string, code: string, why: string): BadInput => ({
  name,
  say: [
    [ENVELOPE, "250 250 354"],
    [`${content}.\r\n`, code],
  ],
  text: new RegExp(why),
  log: new RegExp(`rejected after DATA: .*${why}`),
});

/** The same, and the connection with it: where it ends is in doubt. */
const doubted = (name: string, content: string): BadInput => ({
  name,
  say: [
    [ENVELOPE, "250 250 354"],
    [`${content}.\r\n`, "550 421"],
  ],
  text: /the end of the message is in doubt/,
  log: /rejected after DATA: bare <CR> in message/,
  after: "closed",
});

const nested = (depth: number): string => {
  const opened = Array.from(
    { length: depth },
    (_, i) => `Content-Type: multipart/mixed; boundary=b${i}\r\n\r\n--b${i}\r\n`,
  );
  const closed = Array.from({ length: depth }, (_, i) => `--b${depth - 1 - i}--\r\n`);
  return `${MIME}${opened.join("")}\r\ntext\r\n${closed.join("")}`;
};

const shapes: readonly BadInput[] = [
  taken("nothing", ""),
  taken("a blank line", "\r\n"),
  taken("no header", "\r\ntext\r\n"),
  taken("no header and no blank line", "text without a colon\r\n"),
  taken("only a header", "Subject: x\r\n"),
  taken("a header and a blank line", "Subject: x\r\n\r\n"),
  taken("no blank line", "Subject: x\r\ntext without a colon\r\n"),
  taken("a line without a colon in mid-header", "Subject: x\r\nnothing\r\nFrom: a@b.example\r\n\r\ntext\r\n"),
  taken("blanks before the colon", "Subject \t: x\r\nFrom : a@b.example\r\n\r\ntext\r\n"),
  taken("a name of blanks", " : x\r\n\r\ntext\r\n"),
  taken("an empty name", ": x\r\n\r\ntext\r\n"),
  taken("a continuation before all else", " folded\r\nSubject: x\r\n\r\ntext\r\n"),
  taken("folded lines of blanks", "Subject: x\r\n \r\n\t\r\n  y\r\n\r\ntext\r\n"),
  taken("a mailbox file's first line", "From a@b.example Sat Nov 28 12:00:00 2026\r\nSubject: x\r\n\r\ntext\r\n"),
  taken("lines that begin with dots", "Subject: x\r\n\r\n..\r\n...\r\n..a\r\n"),
  taken("octets that are no UTF-8", "Subject: \xff\xfe\xc0\xaf\r\n\r\n\xed\xa0\x80\r\n"),
  taken("a byte order mark first", "\xef\xbb\xbfSubject: x\r\n\r\ntext\r\n"),
  taken("control characters", "Subject: a\x01\x02\x1b[31mb\x7f\r\n\r\n\x07\x08\r\n"),
  taken("a length that is none", "Content-Length: -1\r\n\r\ntext\r\n"),
];

const octets: readonly BadInput[] = [
  refused("NUL in the header", "Subject: a\0b\r\n\r\ntext\r\n", "550", "NUL octet in message"),
  refused("NUL in the body", "Subject: x\r\n\r\ntext\0\r\n", "550", "NUL octet in message"),
  refused("a bare LF in the header", "Subject: x\nBcc: y\r\n\r\ntext\r\n", "550", "bare <LF> in message"),
  refused("a bare LF in the body", "Subject: x\r\n\r\na\nb\r\n", "550", "bare <LF> in message"),
  doubted("a bare CR in the header", "Subject: x\rBcc: y\r\n\r\ntext\r\n"),
  doubted("a bare CR in the body", "Subject: x\r\n\r\na\rb\r\n"),
  doubted("CR CRLF at the end", "Subject: x\r\n\r\na\r\r\n"),
];

const sizes: readonly BadInput[] = [
  taken("a line of 998 octets", `Subject: x\r\n\r\n${fill(998)}\r\n`),
  taken("a line of 999 octets", `Subject: x\r\n\r\n${fill(999)}\r\n`),
  taken("a line of 1,000 octets", `Subject: x\r\n\r\n${fill(1_000)}\r\n`),
  taken("a line of 100,000 octets", `Subject: x\r\n\r\n${fill(100_000)}\r\n`),
  taken("a line of 4 MB", `Subject: x\r\n\r\n${fill(4_000_000)}\r\n`),
  refused(
    "6 MB",
    `Subject: x\r\n\r\n${`${fill(998)}\r\n`.repeat(6_000)}`,
    "552",
    "Message size exceeds maximum permitted",
  ),
  taken("a field of 100,000 octets", `Subject: ${fill(100_000)}\r\n\r\ntext\r\n`),
  refused(
    "a field of 200,000 octets",
    `Subject: ${fill(200_000)}\r\n\r\ntext\r\n`,
    "552",
    "Message header is ridiculously long",
  ),
  taken("a header of 1 MB", `${`X: ${fill(99_990)}\r\n`.repeat(10)}\r\ntext\r\n`),
  refused(
    "1,000,000 encoded words",
    `Subject:${`${" =?a?q?b?=".repeat(100)}\r\n`.repeat(10_000)}\r\ntext\r\n`,
    "552",
    "Message header is ridiculously long",
  ),
  refused(
    "a header of more than 1 MB",
    `${`X: ${fill(2_000)}\r\n`.repeat(600)}\r\ntext\r\n`,
    "552",
    "Message header is ridiculously long",
  ),
  taken("1,000 fields", `${"X: y\r\n".repeat(1_000)}\r\ntext\r\n`),
  refused("1,001 fields", `${"X: y\r\n".repeat(1_001)}\r\ntext\r\n`, "552", "Message header is ridiculously long"),
  refused(
    "10,000 Received",
    `${"Received: x\r\n".repeat(10_000)}\r\ntext\r\n`,
    "552",
    "Message header is ridiculously long",
  ),
  refused("30 Received and ours", `${"Received: x\r\n".repeat(30)}\r\ntext\r\n`, "550", 'Too many "Received" headers'),
  taken("29 Received", `${"Received: x\r\n".repeat(29)}\r\ntext\r\n`),
  taken("a name of 90,000 letters", `${fill(90_000)}: x\r\n\r\ntext\r\n`),
  taken("100,000 lines of nothing", `Subject: x\r\n\r\n${"\r\n".repeat(100_000)}`),
];

const fields: readonly BadInput[] = [
  taken("two From", "From: a@b.example\r\nFrom: c@d.example\r\n\r\ntext\r\n"),
  taken("From with a group", "From: us: a@b.example, c@d.example;\r\n\r\ntext\r\n"),
  taken(
    "From with 500 addresses",
    `From: ${Array.from({ length: 500 }, (_, i) => `u${i}@b.example`).join(",\r\n ")}\r\n\r\ntext\r\n`,
  ),
  taken("an address as a name", 'From: "admin@bank.example" <a@b.example>\r\n\r\ntext\r\n'),
  taken("From without an address", "From: \r\n\r\ntext\r\n"),
  taken("From that ends in mid-quote", 'From: "a <a@b.example>\r\n\r\ntext\r\n'),
  taken("two Message-ID and two Date", "Message-ID: <1@b>\r\nMessage-ID: <2@b>\r\nDate: x\r\nDate: y\r\n\r\ntext\r\n"),
  taken("Message-ID with line ends folded in", "Message-ID: <a\r\n b\r\n c@d>\r\n\r\ntext\r\n"),
  taken("Resent-", "Resent-From: a@b.example\r\nResent-To: x@y\r\nResent-From: c@d\r\n\r\ntext\r\n"),
  taken("results that claim to be ours", "Authentication-Results: mx.test;\r\n dmarc=pass\r\n\r\ntext\r\n"),
  taken(
    "policy's language",
    "Subject: ${run{/bin/false}} $acl_m_syntax ${lookup\r\nFrom: ${sg\r\n\r\n${run{/bin/false}}\r\n",
  ),
  taken("huge References", `References: ${"<id@b.example> ".repeat(6_000)}\r\n\r\ntext\r\n`),
];

/** What takes time with the square of its length, or more, is noticed here: each is answered within the client's patience. */
const costly: readonly BadInput[] = [
  ["100,000 commas", ","],
  ["100,000 quotes", '"'],
  ["100,000 parentheses", "("],
  ["100,000 angle brackets", "<"],
  ["100,000 backslashes", "\\"],
  ["100,000 colons", ":"],
  ["encoded words", "=?utf-8?q?a?= "],
  ["encoded words that do not end", "=?utf-8?b?"],
  ["groups", "a:b,"],
  ["comments in comments", "(a"],
  ["quoted pairs", "\\("],
].flatMap(([name = "", token = ""]) =>
  ["From", "To", "Subject"].map((field) =>
    taken(`${name} in ${field}`, `${field}: ${token.repeat(Math.floor(100_000 / token.length))}\r\n\r\ntext\r\n`),
  ),
);

const mime: readonly BadInput[] = [
  taken("50 multiparts in each other", nested(50)),
  taken("900 multiparts in each other", nested(900)),
  taken("no boundary", `${MIME}Content-Type: multipart/mixed\r\n\r\ntext\r\n`),
  taken("a boundary that never comes", `${MIME}Content-Type: multipart/mixed; boundary=b\r\n\r\ntext\r\n`),
  taken(
    "a boundary of 200 characters",
    `${MIME}Content-Type: multipart/mixed; boundary=${fill(200)}\r\n\r\n--${fill(200)}\r\n\r\n`,
  ),
  taken(
    "a boundary with blanks",
    `${MIME}Content-Type: multipart/mixed; boundary="a b "\r\n\r\n--a b \r\n\r\ntext\r\n--a b --\r\n`,
  ),
  taken("a boundary of line ends", `${MIME}Content-Type: multipart/mixed; boundary="a\r\n b"\r\n\r\n--a\r\n`),
  taken(
    "a boundary inside base64",
    `${MIME}Content-Type: multipart/mixed; boundary=AAAA\r\n\r\n--AAAA\r\nContent-Transfer-Encoding: base64\r\n\r\nQUFB\r\n--AAAA\r\nQUFB\r\n--AAAA--\r\n`,
  ),
  taken(
    "names in parts (RFC 2231)",
    `${MIME}Content-Disposition: attachment; filename*1="b.exe"; filename*0="a"; filename=c.txt\r\n\r\ntext\r\n`,
  ),
  taken("a charset that nobody knows", `${MIME}Content-Type: text/plain; charset="x\\"y"\r\n\r\ntext\r\n`),
  taken("base64 that is none", `${MIME}Content-Transfer-Encoding: base64\r\n\r\n!!!===\r\n=AAA\r\nA\r\n`),
  taken(
    "quoted-printable that is none",
    `${MIME}Content-Transfer-Encoding: quoted-printable\r\n\r\n=ZZ=\r\n==\r\n=`.concat("\r\n"),
  ),
  taken(
    "10,000 parts",
    `${MIME}Content-Type: multipart/mixed; boundary=b\r\n\r\n${"--b\r\n\r\nx\r\n".repeat(10_000)}--b--\r\n`,
  ),
];

await tryRows({
  Shapes: shapes,
  Octets: octets,
  Sizes: sizes,
  Fields: fields,
  "What costs": costly,
  MIME: mime,
});
