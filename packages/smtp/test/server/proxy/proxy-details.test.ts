import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { crc32c } from "../../../src/server/proxy/crc32c.ts";
import { parseProxyHeader } from "../../../src/server/proxy/parse-proxy-header.ts";
import { binaryHeader, shown, TCP4, TCP6, tlv, withChecksum } from "./headers.ts";

const detailsOf = (tlvs: string): unknown => {
  const parsed = parseProxyHeader(binaryHeader("2111", TCP4 + tlvs));
  assert.ok(parsed.kind === "done" && parsed.header.command === "proxy", shown(parsed));
  return parsed.header.details;
};

/** @param client Bit 0: TLS; bits 1 and 2: a certificate. @param verify Four octets: 0 is success. */
const tls = (client: string, verify: string, ...inner: string[]): string =>
  tlv(0x20, Buffer.from(client + verify + inner.join(""), "hex"));
const SESSION = [tlv(0x21, "TLSv1.3"), tlv(0x23, "TLS_AES_256_GCM_SHA384")];
const SECURED = { version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384", commonName: "", isVerified: false };

const cases: { name: string; tlvs: string; want: object }[] = [
  { name: "nothing", tlvs: "", want: {} },
  { name: "a unique id", tlvs: tlv(0x05, "a\0\xff1"), want: { uniqueId: "a\0\xff1" } },
  { name: "a unique id that is too long", tlvs: tlv(0x05, "x".repeat(129)), want: {} },
  { name: "a host name", tlvs: tlv(0x02, "mx.test"), want: { authority: "mx.test" } },
  { name: "a host name that is too long", tlvs: tlv(0x02, "x".repeat(256)), want: {} },
  { name: "unknown types between", tlvs: tlv(0xea, "x") + tlv(0x05, "id") + tlv(0x30, ""), want: { uniqueId: "id" } },
  { name: "TLS", tlvs: tls("01", "00000001", ...SESSION), want: { tls: SECURED } },
  {
    name: "TLS with a certificate that was verified",
    tlvs: tls("03", "00000000", ...SESSION, tlv(0x22, "client.test")),
    want: { tls: { ...SECURED, commonName: "client.test", isVerified: true } },
  },
  {
    name: "TLS with a certificate that was not verified",
    tlvs: tls("07", "0000000a", ...SESSION, tlv(0x22, "client.test")),
    want: { tls: { ...SECURED, commonName: "client.test" } },
  },
  {
    name: "TLS without a certificate is not verified",
    tlvs: tls("01", "00000000", ...SESSION),
    want: { tls: SECURED },
  },
  { name: "no TLS", tlvs: tls("00", "00000000", ...SESSION), want: {} },
  { name: "TLS cut short", tlvs: tlv(0x20, "\x01\0\0\0"), want: {} },
  {
    name: "TLS whose own TLVs are cut short",
    tlvs: tls("01", "00000000", "2100ff41"),
    want: { tls: { version: "", cipher: "", commonName: "", isVerified: false } },
  },
  { name: "a length beyond the end, behind a good one", tlvs: `${tlv(0x05, "id")}0200ff41`, want: { uniqueId: "id" } },
];

describe("what a binary header says besides", () => {
  for (const { name, tlvs, want } of cases) test(name, () => assert.deepEqual(detailsOf(tlvs), want));
});

describe("a checksum", () => {
  test("is CRC-32C: the check value of its polynomial", () => {
    assert.equal(crc32c(Buffer.from("123456789")), 0xe3069283);
  });

  const good = withChecksum("2121", TCP6 + tlv(0x05, "id"));
  test("that fits is none of the details", () => {
    assert.equal(shown(parseProxyHeader(good)), "2001:db8::1:4000 > 2001:db8::2:25");
  });

  test("that does not fit makes the header a wrong one, whatever octet was changed", () => {
    for (let at = 16; at < good.length; at++) {
      // Types and lengths that change are other TLVs, and may make the checksum none.
      if (at >= 52 && at < 55) continue;
      const damaged = Buffer.from(good);
      damaged[at] = (damaged[at] ?? 0) ^ 0x40;
      if (at >= good.length - 7 && at < good.length - 4) continue;
      assert.equal(shown(parseProxyHeader(damaged)), "invalid: wrong checksum", `octet ${at}`);
    }
  });

  test("of another length, or a second one, makes the header a wrong one", () => {
    const short = binaryHeader("2111", TCP4 + tlv(0x03, "abc"));
    assert.equal(shown(parseProxyHeader(short)), "invalid: wrong checksum");
    const twice = withChecksum("2111", TCP4);
    const more = Buffer.concat([twice, Buffer.from(tlv(0x03, "\0\0\0\0"), "hex")]);
    more.writeUInt16BE(more.length - 16, 14);
    const blank = Buffer.from(more);
    blank.fill(0, twice.length - 4, twice.length);
    more.writeUInt32BE(crc32c(blank), twice.length - 4);
    assert.equal(shown(parseProxyHeader(more)), "invalid: two checksums");
  });
});
