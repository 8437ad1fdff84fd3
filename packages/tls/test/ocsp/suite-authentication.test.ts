import assert from "node:assert/strict";
import { test } from "node:test";
import { authenticationOf } from "../../src/ocsp/suite-authentication.ts";

/** Numbers as IANA's registry of TLS cipher suites has them. */
const rows: readonly [name: string, suites: readonly number[], kinds: readonly string[], isAll: boolean][] = [
  ["ECDHE-ECDSA-AES128-GCM-SHA256", [0xc02b], ["ec"], true],
  ["ECDHE-RSA-AES128-GCM-SHA256, AES128-SHA", [0xc02f, 0x2f], ["rsa", "rsa"], true],
  ["those of TLS 1.3, GREASE and signals choose nothing", [0x1301, 0x1303, 0x2a2a, 0xfafa, 0xff, 0x5600], [], true],
  ["both, in the client's order", [0x1302, 0xc030, 0xcca9], ["rsa", "ec"], true],
  ["one that is not known", [0xc02b, 0xc077, 0xc02f], ["ec"], false],
  ["what looks like GREASE", [0x2a3a], [], false],
];
for (const [name, suites, kinds, isAll] of rows) {
  test(`what signs: ${name}`, () => assert.deepEqual(authenticationOf(suites), { kinds, isAll }));
}
