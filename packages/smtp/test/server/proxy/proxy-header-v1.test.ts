import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseProxyHeader } from "../../../src/server/proxy/parse-proxy-header.ts";
import { shown } from "./headers.ts";

const NO_ADDRESS4 = "invalid: an address is none of TCP4";
const NO_ADDRESS6 = "invalid: an address is none of TCP6";
const NO_PORT = "invalid: a port is none";

/** The protocol's §2.1, and what Exim makes of it where it is silent. */
const cases = [
  { line: "PROXY TCP4 198.51.100.7 203.0.113.9 40000 25", want: "198.51.100.7:40000 > 203.0.113.9:25" },
  {
    line: "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535",
    want: "255.255.255.255:65535 > 255.255.255.255:65535",
  },
  { line: "PROXY TCP6 2001:db8::1 2001:db8::2 40000 25", want: "2001:db8::1:40000 > 2001:db8::2:25" },
  { line: "PROXY TCP6 2001:DB8:0:0::A ::1 1 2", want: "2001:db8::a:1 > ::1:2" },
  { line: "PROXY TCP6 ::ffff:192.0.2.1 ::ffff:192.0.2.2 1 2", want: "::ffff:192.0.2.1:1 > ::ffff:192.0.2.2:2" },
  { line: "PROXY UNKNOWN", want: "local" },
  { line: "PROXY UNKNOWN ffff::1 whatever it says", want: "local" },
  { line: "PROXY UNKNOWNX", want: "invalid: unknown protocol" },
  { line: "PROXY TCP4 2001:db8::1 2001:db8::2 40000 25", want: NO_ADDRESS4 },
  { line: "PROXY TCP6 198.51.100.7 203.0.113.9 40000 25", want: NO_ADDRESS6 },
  { line: "PROXY TCP6 fe80::1%eth0 ::1 40000 25", want: NO_ADDRESS6 },
  { line: "PROXY TCP4 198.51.100.07 203.0.113.9 40000 25", want: NO_ADDRESS4 },
  { line: "PROXY TCP4 198.51.100 203.0.113.9 40000 25", want: NO_ADDRESS4 },
  { line: "PROXY TCP4 mx.test 203.0.113.9 40000 25", want: NO_ADDRESS4 },
  { line: "PROXY TCP4 198.51.100.7 203.0.113.9 0 25", want: NO_PORT },
  { line: "PROXY TCP4 198.51.100.7 203.0.113.9 40000 0", want: NO_PORT },
  { line: "PROXY TCP4 198.51.100.7 203.0.113.9 65536 25", want: NO_PORT },
  { line: "PROXY TCP4 198.51.100.7 203.0.113.9 70000 25", want: NO_PORT },
  { line: "PROXY TCP4 198.51.100.7 203.0.113.9 +25 25", want: NO_PORT },
  { line: "PROXY TCP4 198.51.100.7 203.0.113.9 040 25", want: NO_PORT },
  { line: "PROXY TCP4 198.51.100.7 203.0.113.9 40000", want: NO_PORT },
  { line: "PROXY TCP4  198.51.100.7 203.0.113.9 40000", want: NO_ADDRESS4 },
  { line: "PROXY TCP4  198.51.100.7 203.0.113.9 40000 25", want: "invalid: too many words" },
  { line: "PROXY TCP4 198.51.100.7 203.0.113.9 40000 25 ", want: "invalid: too many words" },
  { line: "PROXY\tTCP4 198.51.100.7 203.0.113.9 40000 25", want: "invalid: no PROXY header" },
  { line: " PROXY TCP4 198.51.100.7 203.0.113.9 40000 25", want: "invalid: no PROXY header" },
  { line: "proxy TCP4 198.51.100.7 203.0.113.9 40000 25", want: "invalid: no PROXY header" },
  { line: "PROXY tcp4 198.51.100.7 203.0.113.9 40000 25", want: "invalid: unknown protocol" },
  { line: "PROXY TCP5 198.51.100.7 203.0.113.9 40000 25", want: "invalid: unknown protocol" },
  { line: "PROXY", want: "invalid: unknown protocol" },
  { line: "", want: "invalid: no PROXY header" },
  { line: "EHLO client.example", want: "invalid: no PROXY header" },
];

describe("a header as a line", () => {
  for (const { line, want } of cases) {
    test(JSON.stringify(line), () => {
      const parsed = parseProxyHeader(Buffer.from(`${line}\r\nEHLO a\r\n`, "latin1"));
      assert.equal(shown(parsed), want);
      assert.ok(parsed.kind !== "incomplete");
      assert.equal(parsed.consumed, line.length + 2, "what follows is left");
    });
  }

  test("is not over before its CRLF: a bare LF ends nothing", () => {
    for (const text of ["PROXY TCP4 198.51.100.7 203.0.113.9 40000 25\n", "PROXY UNKNOWN\r", "E", "\r\n\r\n"]) {
      assert.equal(shown(parseProxyHeader(Buffer.from(text))), "incomplete", JSON.stringify(text));
    }
  });

  test("has 107 octets at most, CRLF included", () => {
    const line = (octets: number): Buffer => Buffer.from(`${"PROXY UNKNOWN ".padEnd(octets - 2, "x")}\r\n`);
    assert.equal(shown(parseProxyHeader(line(107))), "local");
    assert.equal(shown(parseProxyHeader(line(108))), "invalid: no line end within 107 octets");
    assert.equal(shown(parseProxyHeader(line(106).subarray(0, 104))), "incomplete");
  });
});
