import assert from "node:assert/strict";
import { isIPv4 } from "node:net";
import { describe, test } from "node:test";
import fc from "fast-check";
import { clientAddress, networkTest, sameAddress } from "../../src/matching/ip-network.ts";

describe("an address", () => {
  const part = fc.oneof(
    fc.integer({ min: 0, max: 300 }).map(String),
    fc.constantFrom("", "00", "01", "1a", " 1", "-1"),
  );
  test("of IPv4 is what Node takes for one, as a number of 32 bits", () => {
    fc.assert(
      fc.property(fc.array(part, { minLength: 3, maxLength: 5 }), (parts) => {
        const text = parts.join(".");
        const address = clientAddress(text);
        assert.equal(address?.width === 32, isIPv4(text), text);
        if (address === undefined) return;
        const [a = 0, b = 0, c = 0, d = 0] = parts.map(Number);
        assert.equal(address.bits, Buffer.from([a, b, c, d]).readUInt32BE());
      }),
    );
  });

  test("of IPv4 that is written as one of IPv6 is the same", () => {
    assert.ok(sameAddress("::ffff:255.0.2.1", "255.0.2.1"));
    assert.ok(!sameAddress("::ffff:255.0.2.1", "::255.0.2.1"));
  });
});

describe("a network", () => {
  const rows: [network: string, address: string, isIn: boolean][] = [
    ["192.0.2.0/24", "192.0.2.255", true],
    ["192.0.2.0/24", "192.0.3.0", false],
    ["192.0.2.77/24", "192.0.2.1", true],
    ["128.0.0.0/1", "255.255.255.255", true],
    ["128.0.0.0/1", "127.255.255.255", false],
    ["0.0.0.0/0", "203.0.113.1", true],
    ["0.0.0.0/0", "2001:db8::1", false],
    ["255.255.255.255", "255.255.255.255", true],
    ["255.255.255.255/99", "255.255.255.254", false],
    ["192.0.2.0/24", "::ffff:192.0.2.9", true],
    ["2001:db8::/32", "2001:db8:ffff::1", true],
    ["2001:db8::/32", "2001:db9::1", false],
  ];
  for (const [network, text, isIn] of rows) {
    test(`${network} ${isIn ? "holds" : "does not hold"} ${text}`, () => {
      const address = clientAddress(text);
      assert.ok(address);
      assert.equal(networkTest(network)?.(address), isIn);
    });
  }
});
