import assert from "node:assert/strict";
import { test } from "node:test";
import { retriedAddress, retryKeys } from "../../src/records/retry-keys.ts";

const rows: readonly (readonly [string, string])[] = [
  [retryKeys.routedDomain("Ann@B.Test"), "R:b.test"],
  [retryKeys.routedAddress("Ann@B.Test"), "R:ann@b.test"],
  [retryKeys.addressAndSender("Ann@B.Test", "Bob@C.test"), "R:ann@b.test:<Bob@C.test>"],
  [retryKeys.addressAndSender("ann@b.test", ""), "R:ann@b.test:<>"],
  [retryKeys.localDomain("ann@b.test"), "T:b.test"],
  [retryKeys.localAddress("\xc9nn@b.test"), "T:\xc9nn@b.test"],
  [retryKeys.listItem("|/bin/Cmd", "Ann@b.test"), "T:|/bin/Cmd:ann@b.test"],
  [
    retryKeys.messageAtHost("T:mx.test:10.0.0.1", "1vMhGf-0000000012a-0Ab3"),
    "T:mx.test:10.0.0.1:1vMhGf-0000000012a-0Ab3",
  ],
];

test("records have the names that Exim gives them", () => {
  for (const [made, expected] of rows) assert.equal(made, expected);
});

test("retry rules are asked about the address that has named a pipe", () => {
  const origin = { parents: ["ann@b.test", "all@b.test"], item: "pipe" as const };
  assert.equal(retriedAddress({ address: "|/bin/cmd", origin }), "ann@b.test");
  assert.equal(retriedAddress({ address: "eve@b.test", origin: { parents: ["ann@b.test"] } }), "eve@b.test");
});
