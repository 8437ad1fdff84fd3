import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import { readKey } from "../../src/dkim/key-records.ts";

const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

/** The key with another exponent, as a record. */
function withExponent(exponent: Buffer): string {
  const jwk = { ...publicKey.export({ format: "jwk" }), e: exponent.toString("base64url") };
  const der = createPublicKey({ key: jwk, format: "jwk" }).export({ type: "spki", format: "der" });
  return `v=DKIM1; p=${der.toString("base64")}`;
}

describe("a key of RSA", () => {
  for (const [name, exponent] of [
    ["the usual one", Buffer.from("010001", "hex")],
    ["3", Buffer.of(3)],
    ["one of 64 bits", Buffer.alloc(8, 0xff)],
  ] as const) {
    test(`may have an exponent: ${name}`, () => assert.equal(readKey(withExponent(exponent)).kind, "key"));
  }

  test("may have none that makes each verification take a hundred times as long", () => {
    const slow = readKey(withExponent(Buffer.alloc(200, 0x55)));
    assert.ok(slow.kind === "none");
    assert.equal(slow.reason, "invalid public key");
  });
});
