import type { BadInput } from "./bad-input.ts";
import { tryRows } from "./try-rows.ts";

const ENVELOPE = "MAIL FROM:<a@b.example>\r\nRCPT TO:<x@example.test>\r\n";
const MESSAGE = "Subject: x\r\n\r\ntext\r\n";
const GOOD = `${ENVELOPE}DATA\r\n`;
const SMUGGLED = "MAIL FROM:<evil@x.example>\r\n";
const times = (count: number, code: string): string => Array<string>(count).fill(code).join(" ");
const blob = (octets: number): string => "A".repeat(octets);

const packets: readonly BadInput[] = [
  {
    name: "no waiting for the banner",
    begins: "early",
    from: "where greetings take long",
    say: [["EHLO c\r\n", "554"]],
    after: "closed",
    log: /SMTP protocol synchronization error \(input sent without waiting for greeting\): rejected connection from H=/,
  },
  {
    name: "one octet a packet",
    packet: 1,
    say: [
      [GOOD, "250 250 354"],
      [`${MESSAGE}.\r\n`, "250"],
    ],
  },
  {
    name: "a whole session in one packet",
    begins: "silent",
    say: [[`EHLO c\r\n${GOOD}${MESSAGE}.\r\nQUIT\r\n`, "554"]],
    after: "closed",
    log: /SMTP protocol synchronization error \(.*\): rejected "EHLO c" H=/,
  },
  {
    name: "content in the packet of DATA",
    say: [[`${GOOD}${MESSAGE}.\r\n`, "250 250 554"]],
    after: "closed",
    log: /SMTP protocol synchronization error \(.*\): rejected "DATA" H=/,
  },
  {
    name: "a packet for each command and one for the message",
    say: [
      ["MAIL FROM:<>\r\n", "250"],
      ["RCPT TO:<x@example.test>\r\n", "250"],
      ["DATA\r\n", "354"],
      [`${MESSAGE}.\r\n`, "250"],
    ],
  },
  {
    name: "the next message in the packet of the final dot",
    say: [
      [GOOD, "250 250 354"],
      [`${MESSAGE}.\r\n${GOOD}`, "250 250 250 354"],
      [`${MESSAGE}.\r\n`, "250"],
    ],
  },
];

const lines: readonly BadInput[] = [
  { name: "CR for CRLF", say: [["NOOP\rNOOP\r\r\n", "500"]], text: /control characters/ },
  { name: "LF for CRLF", say: [["NOOP\n", "500"]], text: /bare <LF>/ },
  { name: "LF for CRLF in a whole envelope", say: [["MAIL FROM:<a@b>\nRCPT TO:<x@example.test>\n", "500 500"]] },
  { name: "NUL in a command", say: [["NO\0OP\r\n", "501"]] },
  { name: "NUL behind a command", say: [["MAIL FROM:<a@b.example>\0\r\n", "501"]] },
  { name: "a NUL alone", say: [["\0\r\n", "501"]] },
  { name: "a tab", say: [["NOOP\t\r\n", "500"]] },
  { name: "an escape sequence", say: [["NOOP \x1b[31m\r\n", "500"]] },
  { name: "a command in 8 bits", say: [["N\xd6\xd6P\r\n", "500"]], text: /unrecognized command/ },
  { name: "nothing", say: [["\r\n", "500"]] },
  { name: "blanks", say: [["   \r\n", "500"]] },
  { name: "4,096 octets", say: [[`NOOP ${blob(4_089)}\r\n`, "250"]] },
  {
    name: "4,097 octets",
    say: [[`NOOP ${blob(4_090)}\r\n`, "500"]],
    after: "closed",
    log: /rejected "command line without end": Line too long/,
  },
  { name: "5 MB", say: [[blob(5_000_000), "500"]], after: "closed" },
  { name: "5 MB in small packets", packet: 1_000, say: [[blob(100_000), "500"]], after: "closed" },
];

const floods: readonly BadInput[] = [
  {
    name: "10,000 NOOP",
    say: [["NOOP\r\n".repeat(10_000), `${times(20, "250")} 554`]],
    after: "closed",
    log: /^\S+ \S+ SMTP call from .* dropped: too many nonmail commands \(last was "NOOP"\)$/m,
  },
  { name: "10,000 RSET", say: [["RSET\r\n".repeat(10_000), `${times(21, "250")} 554`]], after: "closed" },
  { name: "10,000 HELP", say: [["HELP\r\n".repeat(10_000), `${times(20, "214")} 554`]], after: "closed" },
  {
    name: "10,000 VRFY",
    say: [["VRFY x@example.test\r\n".repeat(10_000), `${times(20, "252")} 554`]],
    after: "closed",
    log: /^\S+ \S+ SMTP call from .* dropped: too many nonmail commands \(last was "VRFY"\)$/m,
  },
  {
    name: "10,000 times nothing",
    say: [["\r\n".repeat(10_000), "500 500 500 500"]],
    after: "closed",
    log: /^\S+ \S+ SMTP call from .* dropped: too many unrecognized commands \(last was ""\)$/m,
  },
  {
    name: "10,000 unknown commands",
    say: [["GET / HTTP/1.1\r\n".repeat(10_000), "500 500 500 500"]],
    after: "closed",
    log: /^\S+ \S+ SMTP call from .* dropped: too many unrecognized commands \(last was "GET \/ HTTP\/1\.1"\)$/m,
  },
  {
    name: "10,000 MAIL",
    say: [[`MAIL FROM:<a@b.example>\r\n`.repeat(10_000), "250 503 503 503 503"]],
    after: "closed",
  },
  {
    name: "10,000 recipients in a session that may have 1,000",
    say: [
      [
        `MAIL FROM:<>\r\n${"RCPT TO:<x@example.test>\r\n".repeat(10_000)}`,
        `250 ${times(1_000, "250")} ${times(9_000, "452")}`,
      ],
    ],
  },
  {
    name: "10,000 chunks of nothing",
    say: [[`${ENVELOPE}${"BDAT 0\r\n".repeat(10_000)}`, `250 250 ${times(998, "250")} 421`]],
    after: "closed",
  },
];

const order: readonly BadInput[] = [
  {
    name: "HELO twice",
    begins: "silent",
    say: [
      ["HELO a\r\n", "250"],
      ["HELO b\r\n", "250"],
    ],
  },
  {
    name: "EHLO behind HELO",
    begins: "silent",
    say: [
      ["HELO a\r\n", "250"],
      ["EHLO b\r\n", "250"],
      [GOOD, "250 250 354"],
      [".\r\n", "250"],
    ],
  },
  { name: "MAIL before HELO", begins: "silent", say: [["MAIL FROM:<>\r\n", "503"]] },
  { name: "RCPT before MAIL", say: [["RCPT TO:<x@example.test>\r\n", "503"]] },
  { name: "nested MAIL", say: [[`${ENVELOPE}${SMUGGLED}`, "250 250 503"]] },
  { name: "DATA without a recipient", say: [["MAIL FROM:<>\r\nDATA\r\n", "250 503"]] },
  {
    name: "DATA without a recipient that was taken",
    say: [["MAIL FROM:<>\r\nRCPT TO:<x@elsewhere.example>\r\nDATA\r\n", "250 550 503"]],
    log: /rejected RCPT <x@elsewhere\.example>: relay not permitted/,
  },
  {
    name: "QUIT in mid-content",
    say: [
      [GOOD, "250 250 354"],
      [`${MESSAGE}QUIT\r\n`, ""],
    ],
    ends: "half-close",
    after: "closed",
  },
  {
    name: "commands in mid-content",
    say: [
      [GOOD, "250 250 354"],
      [`${MESSAGE}RSET\r\nNOOP\r\n.\r\n`, "250"],
    ],
  },
];

const ends: readonly BadInput[] = [
  {
    name: "half-close behind the final dot",
    say: [
      [GOOD, "250 250 354"],
      [`${MESSAGE}.\r\n`, "250"],
    ],
    ends: "half-close",
    after: "closed",
  },
  { name: "half-close in mid-command", say: [["MAIL FR", ""]], ends: "half-close", after: "closed" },
  {
    name: "half-close in mid-content",
    say: [
      [GOOD, "250 250 354"],
      [`${MESSAGE}.`, ""],
    ],
    ends: "half-close",
    after: "closed",
  },
  { name: "half-close at the greeting", begins: "silent", say: [], ends: "half-close", after: "closed" },
  {
    name: "RST in mid-content",
    say: [
      [GOOD, "250 250 354"],
      [MESSAGE.repeat(10_000), ""],
    ],
    ends: "reset",
  },
  { name: "RST in mid-chunk", say: [[`${ENVELOPE}BDAT 1000000 LAST\r\n${MESSAGE}`, "250 250"]], ends: "reset" },
  {
    name: "RST behind the final dot",
    say: [
      [GOOD, "250 250 354"],
      [`${MESSAGE}.\r\n`, "250"],
    ],
    ends: "reset",
  },
];

await tryRows({
  Packets: packets,
  Lines: lines,
  Floods: floods,
  "Commands out of order": order,
  Ends: ends,
});
