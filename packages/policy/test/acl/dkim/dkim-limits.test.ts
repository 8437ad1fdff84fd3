import assert from "node:assert/strict";
import { test } from "node:test";
import { dkimLimits } from "../../../src/acl/dkim/dkim-limits.ts";
import { readConfiguration } from "../../../src/reader/read-configuration.ts";

const limitsOf = (text: string) =>
  dkimLimits(readConfiguration({ file: "/p", readFile: () => Buffer.from(text) }).configuration);

const USUAL = { hashes: ["sha256", "sha512"], keyTypes: ["ed25519", "rsa"], leastBits: { rsa: 1024, ed25519: 250 } };

test("a policy that says nothing of signatures takes those that anybody does", () => {
  assert.equal(limitsOf(""), undefined);
});

for (const [option, wanted] of [
  ["dkim_verify_hashes = sha512", { ...USUAL, hashes: ["sha512"] }],
  ["dkim_verify_keytypes = <; rsa", { ...USUAL, keyTypes: ["rsa"] }],
  ["dkim_verify_min_keysizes = rsa=2048", { ...USUAL, leastBits: { rsa: 2048 } }],
  ["dkim_verify_minimal", { ...USUAL, isMinimal: true }],
] as const) {
  test(option, () => assert.deepEqual(limitsOf(`${option}\n`), wanted));
}
