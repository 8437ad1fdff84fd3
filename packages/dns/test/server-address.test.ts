import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "@postbus/mail";
import { parseResolvConf, parseServers } from "../src/server-address.ts";

const lists = [
  ["192.0.2.1", "192.0.2.1", 53],
  ["192.0.2.1:5353", "192.0.2.1", 5353],
  ["[2001:db8::1]:5353", "2001:db8::1", 5353],
  ["[2001:db8::1]", "2001:db8::1", 53],
  ["2001:db8::1", "2001:db8::1", 53],
] as const;

for (const [list, address, port] of lists) {
  test(`${list} is ${address}, port ${port}, and believed`, () =>
    assert.deepEqual(parseServers(list), [{ address, port, isTrusted: true }]));
}

for (const bad of ["", " , ", "dns.example.org", "192.0.2.1:0", "192.0.2.1:70000", "192.0.2.1:x", "[::1"]) {
  test(`"${bad}" is a wrong setting`, () => assert.throws(() => parseServers(bad), ConfigError));
}

test("of the system's servers, only one on this host is believed", () => {
  const text =
    "# nameserver 192.0.2.9\nsearch example.org\nnameserver 192.0.2.1\nnameserver\t127.0.0.53\nnameserver bad\n";
  assert.deepEqual(parseResolvConf(text), [
    { address: "192.0.2.1", port: 53, isTrusted: false },
    { address: "127.0.0.53", port: 53, isTrusted: true },
  ]);
});

test("a system without servers asks itself", () =>
  assert.deepEqual(parseResolvConf(""), [{ address: "127.0.0.1", port: 53, isTrusted: true }]));
