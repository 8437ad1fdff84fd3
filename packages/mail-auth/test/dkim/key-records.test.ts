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

const encoded = publicKey.export({ type: "spki", format: "der" }).toString("base64");

describe("a record", () => {
  for (const [record, wanted] of [
    [`v=DKIM1; p=${encoded}`, "key"],
    // As Exim takes them.
    [`k=rsa;; p=${encoded}`, "key"],
    [`k=rsa; ; p=${encoded}; ;`, "key"],
    [`;v=DKIM1;p=${encoded};;`, "key"],
    // RFC 6376 §3.6.1: "If specified, this tag MUST be the first tag"
    [`k=rsa; v=DKIM1; p=${encoded}`, "none"],
    [`k=rsa; p; p=${encoded}`, "none"],
    [`k=rsa; k=rsa; p=${encoded}`, "none"],
    [";;", "none"],
  ] as const) {
    const name = record.replace(encoded, "…");
    test(`${name}: ${wanted}`, () => assert.equal(readKey(record).kind, wanted));
  }
});

/** A number of so many bits for a modulus: nobody has to be able to sign with it. */
function withModulus(bits: number): string {
  const jwk = { kty: "RSA", e: "AQAB", n: Buffer.alloc(bits / 8, 0xff).toString("base64url") };
  const der = createPublicKey({ key: jwk, format: "jwk" }).export({ type: "spki", format: "der" });
  return `v=DKIM1; p=${der.toString("base64")}`;
}

describe("a key of RSA", () => {
  for (const [bits, wanted] of [
    [1024, "key"],
    [4096, "key"],
    [8192, "key"],
    [8200, "invalid public key"],
    [16_384, "invalid public key"],
  ] as const) {
    test(`of ${bits} bits: ${wanted}`, () => {
      const answer = readKey(withModulus(bits));
      assert.equal(answer.kind === "none" ? answer.reason : answer.kind, wanted);
    });
  }

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
