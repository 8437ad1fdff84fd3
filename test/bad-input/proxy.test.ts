import type { BadInput } from "./bad-input.ts";
import { tryRows } from "./try-rows.ts";

const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";
const V4 = "\xc6\x33\x64\x07\xcb\0\x71\x09\x9c\x40\0\x19";
const V6 = ` \x01\x0d\xb8${"\0".repeat(11)}\x01 \x01\x0d\xb8${"\0".repeat(11)}\x02\x9c\x40\0\x19`;
const HEADER = "PROXY TCP4 198.51.100.7 203.0.113.9 40000 25\r\n";
/** Version and command, family, what follows, and how long it says that that is. */
const binary = (start: string, body: string, octets = body.length): string =>
  `${SIGNATURE}${start}${String.fromCharCode(octets >> 8, octets & 0xff)}${body}`;
const line = (words: string): string => `PROXY ${words}\r\n`;

const COMMON = { from: "proxy", begins: "early" } as const;

/** A header that is taken: the client is the one it names. */
const good = (name: string, header: string, client: string, packet?: number): BadInput => ({
  ...COMMON,
  name,
  ...(packet === undefined ? {} : { packet }),
  say: [
    [header, "220"],
    ["EHLO c.example\r\n", "250"],
  ],
  text: new RegExp(`^250-mx\\.test Hello c\\.example \\[${client.replaceAll(".", "\\.")}\\]\\r\\n`),
});

/** One that is not: the client is greeted, and refused whatever it says, but QUIT. */
const bad = (name: string, header: string, why: string): BadInput => ({
  ...COMMON,
  name,
  say: [
    [header, "220"],
    ["NOOP\r\nEHLO c.example\r\n", "503 503"],
    ["QUIT\r\n", "221"],
  ],
  after: "closed",
  log: new RegExp(`H=\\[127\\.0\\.0\\.2\\] required Proxy negotiation failed: ${why}`),
});

await tryRows({
  "Headers that are taken": [
    good("TCP4", HEADER, "198.51.100.7"),
    good("TCP6", line("TCP6 2001:DB8:0::1 2001:db8::2 40000 25"), "2001:db8::1"),
    good("UNKNOWN", line("UNKNOWN"), "127.0.0.2"),
    good("UNKNOWN with words", line("UNKNOWN ffff::1 x 0 -1"), "127.0.0.2"),
    good("107 octets", line(`UNKNOWN ${"x".repeat(91)}`), "127.0.0.2"),
    good("binary, IPv4", binary("\x21\x11", V4), "198.51.100.7"),
    good("binary, IPv6", binary("\x21\x21", V6), "2001:db8::1"),
    good("LOCAL", binary("\x20\0", ""), "127.0.0.2"),
    good("LOCAL with addresses", binary("\x20\x11", V4), "127.0.0.2"),
    good("UNSPEC", binary("\x21\0", "any"), "127.0.0.2"),
    good("TLVs that end early", binary("\x21\x11", `${V4}\x05\0\xffid`), "198.51.100.7"),
    good("a unique id with line ends and NUL in it", binary("\x21\x11", `${V4}\x05\0\x06a\r\n\0\xff%`), "198.51.100.7"),
    good("in single octets", HEADER, "198.51.100.7", 1),
    good("binary, in single octets", binary("\x21\x21", V6), "2001:db8::1", 1),
  ],
  "Lines that are none": [
    {
      ...COMMON,
      name: "108 octets: the last of them is early talk",
      say: [[line(`UNKNOWN ${"x".repeat(92)}`), "554"]],
      after: "closed",
      log: /H=\[127\.0\.0\.2\] required Proxy negotiation failed: no line end within 107 octets/,
    },
    bad("no protocol", line(""), "unknown protocol"),
    bad("another protocol", line("UDP4 198.51.100.7 203.0.113.9 1 2"), "unknown protocol"),
    bad("small letters", HEADER.toLowerCase(), "no PROXY header"),
    bad("TCP6 with IPv4", line("TCP6 198.51.100.7 203.0.113.9 40000 25"), "an address is none of TCP6"),
    bad("TCP4 with IPv6", line("TCP4 ::1 ::2 40000 25"), "an address is none of TCP4"),
    bad("an address with leading zeros", line("TCP4 198.051.100.007 203.0.113.9 1 2"), "an address is none of TCP4"),
    bad("an address with a zone", line("TCP6 fe80::1%lo ::2 1 2"), "an address is none of TCP6"),
    bad("port 0", line("TCP4 198.51.100.7 203.0.113.9 0 25"), "a port is none"),
    bad("port 65536", line("TCP4 198.51.100.7 203.0.113.9 65536 25"), "a port is none"),
    bad("port +25", line("TCP4 198.51.100.7 203.0.113.9 40000 +25"), "a port is none"),
    bad("a port with leading zeros", line("TCP4 198.51.100.7 203.0.113.9 040000 25"), "a port is none"),
    bad("too many words", line("TCP4 198.51.100.7 203.0.113.9 1 2 3"), "too many words"),
    bad("two blanks", line("TCP4  198.51.100.7 203.0.113.9 1 2"), "too many words"),
    bad("an EHLO", "EHLO c.example\r\n", "no PROXY header"),
    bad("NUL", "\0\r\n", "no PROXY header"),
  ],
  "Binary headers that are none": [
    bad("a signature that breaks off", "\r\n", "no PROXY header"),
    bad("version 1", binary("\x11\x11", V4), "version 1"),
    bad("version 15", binary("\xf1\x11", V4), "version 15"),
    bad("command 2", binary("\x22\x11", V4), "command 2"),
    bad("a Unix socket", binary("\x21\x31", "u".repeat(216)), "family 0x31"),
    bad("UDP", binary("\x21\x12", V4), "family 0x12"),
    bad("addresses cut short", binary("\x21\x21", V4), "addresses cut short"),
    bad("65,535 octets", binary("\x21\x11", "x".repeat(65_535)), "65551 octets"),
    bad("commands in a header that is too long", binary("\x21\x11", "NOOP\r\n".repeat(800)), "4816 octets"),
    bad("a wrong checksum", binary("\x21\x11", `${V4}\x03\0\x04\0\0\0\0`), "wrong checksum"),
  ],
  "Headers in wrong places": [
    {
      ...COMMON,
      name: "two of them",
      say: [
        [HEADER, "220"],
        [HEADER, "500"],
      ],
    },
    {
      ...COMMON,
      name: "two of them in one packet",
      say: [[HEADER + HEADER, "554"]],
      after: "closed",
      log: /SMTP protocol synchronization error \(input sent without waiting for greeting\): rejected connection from H=\[198\.51\.100\.7\]/,
    },
    { ...COMMON, name: "EHLO in its packet", say: [[`${HEADER}EHLO c\r\n`, "554"]], after: "closed" },
    {
      ...COMMON,
      name: "a binary one and EHLO in one packet",
      say: [[`${binary("\x21\x11", V4)}EHLO c\r\n`, "554"]],
      after: "closed",
    },
    {
      name: "from a host that is no proxy",
      begins: "early",
      from: "where greetings take long",
      say: [[HEADER, "554"]],
      after: "closed",
      log: /SMTP protocol synchronization error \(input sent without waiting for greeting\): rejected connection from H=\[127\.0\.0\.3\]/,
    },
    { name: "from a host that is no proxy, behind the greeting", begins: "silent", say: [[HEADER, "500"]] },
    { name: "behind EHLO", say: [[HEADER, "500"]] },
    {
      ...COMMON,
      name: "none, and more commands than anybody needs to learn that",
      say: [
        ["EHLO c\r\n", "220"],
        ["NOOP\r\n".repeat(11), `${"503 ".repeat(10)}421`],
      ],
      after: "closed",
    },
    {
      ...COMMON,
      name: "a wrong one: no mail can be sent",
      say: [
        [line("TCP4"), "220"],
        ["MAIL FROM:<>\r\nRCPT TO:<x@example.test>\r\n", "503 503"],
        ["DATA\r\n", "503"],
        ["QUIT\r\n", "221"],
      ],
      after: "closed",
    },
    {
      ...COMMON,
      name: "half of one, then the end",
      say: [["PROXY TCP4 198", ""]],
      ends: "half-close",
      after: "closed",
      log: /the connection was closed in the middle of it/,
    },
    {
      ...COMMON,
      name: "half of a binary one, then the end",
      say: [[SIGNATURE, ""]],
      ends: "half-close",
      after: "closed",
    },
    { ...COMMON, name: "half of one, then RST", say: [["PROXY TCP4 198", ""]], ends: "reset" },
  ],
});
