import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseProxyHeader } from "../../../src/server/proxy/parse-proxy-header.ts";
import { binaryHeader, shown, TCP4, TCP6, tlv } from "./headers.ts";

const V4 = "192.0.2.1:4000 > 198.51.100.1:25";
const filled = (octets: number): string => "04".repeat(octets);

/** The protocol's §2.2. */
const cases = [
  { name: "TCP over IPv4", header: binaryHeader("2111", TCP4), want: V4 },
  { name: "TCP over IPv6", header: binaryHeader("2121", TCP6), want: "2001:db8::1:4000 > 2001:db8::2:25" },
  { name: "port 0", header: binaryHeader("2111", TCP4.replace("0fa0", "0000")), want: V4.replace("4000", "0") },
  { name: "LOCAL without anything", header: binaryHeader("2000", ""), want: "local" },
  { name: "LOCAL with addresses, which mean nothing", header: binaryHeader("2011", TCP4), want: "local" },
  { name: "LOCAL with another family and odd octets", header: binaryHeader("2032", "0102030405"), want: "local" },
  { name: "PROXY without a family", header: binaryHeader("2100", ""), want: "local" },
  { name: "TLVs behind the addresses", header: binaryHeader("2111", TCP4 + tlv(0x04, "\0\0")), want: V4 },
  { name: "octets behind the addresses that are no TLV", header: binaryHeader("2111", `${TCP4}0102`), want: V4 },
  { name: "4,096 octets", header: binaryHeader("2111", TCP4 + filled(4_068)), want: V4 },
  { name: "4,097 octets", header: binaryHeader("2111", TCP4 + filled(4_069)), want: "invalid: 4097 octets" },
  { name: "UDP over IPv4", header: binaryHeader("2112", TCP4), want: "invalid: family 0x12" },
  { name: "UDP over IPv6", header: binaryHeader("2122", TCP6), want: "invalid: family 0x22" },
  { name: "a Unix socket", header: binaryHeader("2131", filled(216)), want: "invalid: family 0x31" },
  { name: "a Unix datagram", header: binaryHeader("2132", filled(216)), want: "invalid: family 0x32" },
  { name: "IPv4 without a protocol", header: binaryHeader("2110", TCP4), want: "invalid: family 0x10" },
  { name: "a family that is none", header: binaryHeader("2141", TCP4), want: "invalid: family 0x41" },
  { name: "version 1", header: binaryHeader("1111", TCP4), want: "invalid: version 1" },
  { name: "version 3", header: binaryHeader("3111", TCP4), want: "invalid: version 3" },
  { name: "command 2", header: binaryHeader("2211", TCP4), want: "invalid: command 2" },
  { name: "IPv4 with 4 octets", header: binaryHeader("2111", "c0000201"), want: "invalid: addresses cut short" },
  { name: "IPv6 with room for IPv4", header: binaryHeader("2121", TCP4), want: "invalid: addresses cut short" },
];

describe("a binary header", () => {
  for (const { name, header, want } of cases) {
    test(name, () => {
      const parsed = parseProxyHeader(Buffer.concat([header, Buffer.from("EHLO a\r\n")]));
      assert.equal(shown(parsed), want);
      assert.ok(parsed.kind !== "incomplete");
      assert.equal(parsed.consumed, header.length, "what follows is left");
    });
  }

  test("that is too long is refused before it is there, and dropped to its end", () => {
    const parsed = parseProxyHeader(binaryHeader("2111", "", 0xffff));
    assert.deepEqual(parsed, { kind: "invalid", reason: "65551 octets", consumed: 65_551 });
  });

  test("whose signature breaks off is a line like any other", () => {
    const broken = binaryHeader("2111", TCP4);
    broken[11] = 0x0b;
    assert.deepEqual(parseProxyHeader(broken), { kind: "invalid", reason: "no PROXY header", consumed: 2 });
  });
});
