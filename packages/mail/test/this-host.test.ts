import assert from "node:assert/strict";
import { test } from "node:test";
import { isThisHost } from "../src/index.ts";

for (const [address, want] of [
  ["127.0.0.1", true],
  ["127.255.1.2", true],
  ["0.0.0.0", true],
  ["0.1.2.3", true],
  ["::1", true],
  ["::", true],
  ["0:0:0:0:0:0:0:0", true],
  ["::ffff:127.0.0.1", true],
  ["::ffff:0.0.0.0", true],
  ["126.0.0.1", false],
  ["192.0.2.1", false],
  ["::ffff:192.0.2.1", false],
  ["2001:db8::1", false],
  ["localhost", false],
  ["", false],
] as const) {
  test(`${address} is ${want ? "" : "not "}this host`, () => assert.equal(isThisHost(address), want));
}
