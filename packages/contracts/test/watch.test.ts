import assert from "node:assert/strict";
import { test } from "node:test";
import { parseNetwork } from "../src/index.ts";

const rows: readonly [text: string, want: string | undefined][] = [
  ["192.0.2.0/24", "192.0.2.0/24 ipv4"],
  ["192.0.2.1", "192.0.2.1/32 ipv4"],
  ["0.0.0.0/0", "0.0.0.0/0 ipv4"],
  ["2001:db8::/32", "2001:db8::/32 ipv6"],
  ["::1", "::1/128 ipv6"],
  ["192.0.2.0/33", undefined],
  ["2001:db8::/129", undefined],
  ["192.0.2/24", undefined],
  ["192.0.2.0/", undefined],
  ["example.org", undefined],
  ["", undefined],
];
for (const [text, want] of rows) {
  test(`${JSON.stringify(text)} is ${want ?? "no network"}`, () => {
    const network = parseNetwork(text);
    assert.equal(network && `${network.address}/${network.prefix} ${network.family}`, want);
  });
}
