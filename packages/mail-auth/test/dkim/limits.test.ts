import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import type { DkimLimits } from "@postbus/contracts";
import { checkMessage } from "../../src/index.ts";
import { resolverFor } from "../dns-lab.ts";
import { keyRecords, type Signer, signedBy } from "./signed-by.ts";

const anotherKey = generateKeyPairSync("rsa", { modulusLength: 2048 })
  .publicKey.export({ type: "spki", format: "der" })
  .toString("base64");

const resolver = await resolverFor({
  "beside._domainkey.example.org": { TXT: ["v=spf1 -all", "V = spf2.0/pra", keyRecords.rsa] },
  "before._domainkey.example.org": { TXT: [keyRecords.rsa, "v=spf1 -all"] },
  "other._domainkey.example.org": { TXT: ["v=spf1 -all"] },
  "rsa._domainkey.example.org": { TXT: [keyRecords.rsa] },
  "wrong._domainkey.example.org": { TXT: [`v=DKIM1; p=${anotherKey}`] },
  "ed._domainkey.example.org": { TXT: [keyRecords.ed] },
  "rsa._domainkey.other.example": { TXT: [keyRecords.rsa] },
  "long._domainkey.example.org": { TXT: [`v=DKIM1; n=${"x".repeat(17_000)}; p=`] },
  "_dmarc.example.org": { TXT: ["v=DMARC1; p=reject"] },
});

const MESSAGE = Buffer.from("From: joe@example.org\r\nTo: ann@example.net\r\nSubject: hi\r\n\r\nHello.\r\n");
const RSA = { domain: "example.org", selector: "rsa" };
const ED = { domain: "example.org", selector: "ed" };
const OTHER = { domain: "other.example", selector: "rsa" };

const LIMITS: DkimLimits = {
  hashes: ["sha256", "sha512"],
  keyTypes: ["ed25519", "rsa"],
  leastBits: { rsa: 1024, ed25519: 250 },
};

/** Facts, what an ACL is told, what DMARC comes to: all go by the same. */
async function found(signers: readonly Signer[], limits: Partial<DkimLimits>) {
  const message = await signedBy(MESSAGE, ...signers);
  const options = { wantsSignatures: true, dkimLimits: { ...LIMITS, ...limits } };
  const { dkim, signatures, dmarc } = await checkMessage(message, options, resolver);
  return [
    dkim.map(({ result }) => result).join(),
    signatures.map(({ status, reason }) => `${status} ${reason}`.trim()).join(),
    dmarc.result,
  ];
}

describe("what the operator does not take for a signature is none, for DMARC, too", () => {
  const rows: [name: string, signers: readonly Signer[], limits: Partial<DkimLimits>, wanted: readonly string[]][] = [
    ["by default, all are taken", [RSA, ED], {}, ["pass,pass", "pass,pass", "pass"]],
    ["another hash", [RSA], { hashes: ["sha512"] }, ["policy", "", "fail"]],
    ["another type of keys", [RSA], { keyTypes: ["ed25519"] }, ["policy", "", "fail"]],
    ["of two types, one", [RSA, ED], { keyTypes: ["ed25519"] }, ["policy,pass", "pass", "pass"]],
    ["a short key", [RSA], { leastBits: { rsa: 4096 } }, ["policy", "fail pubkey_too_short", "fail"]],
    ["a short key of 256 bits", [ED], { leastBits: { ed25519: 512 } }, ["policy", "fail pubkey_too_short", "fail"]],
    ["the other type's keys are long enough", [RSA], { leastBits: { ed25519: 512 } }, ["pass", "pass", "pass"]],
    [
      "a short key does not hide that the signature is wrong",
      [{ domain: "example.org", selector: "wrong" }],
      { leastBits: { rsa: 4096 } },
      ["fail", "fail signature_incorrect", "fail"],
    ],
    [
      "the first that holds is enough, but for DMARC",
      [OTHER, RSA],
      { isMinimal: true },
      ["pass,pass", "pass,none", "pass"],
    ],
  ];
  for (const [name, signers, limits, wanted] of rows) {
    test(name, async () => assert.deepEqual(await found(signers, limits), wanted));
  }
});

test("a key stands beside other records in any order", async () => {
  const by = (selector: string): Signer => ({ domain: "example.org", selector });
  const wanted = ["pass,pass,neutral", "pass,pass,invalid pubkey_dns_syntax", "pass"];
  assert.deepEqual(await found(["beside", "before", "other"].map(by), {}), wanted);
});

test("signatures that are not to be verified are none", async () => {
  const message = await signedBy(MESSAGE, RSA);
  const { dkim, signatures, dmarc } = await checkMessage(message, { wantsSignatures: true, skipsDkim: true }, resolver);
  assert.deepEqual([dkim, signatures, dmarc.result], [[], [], "fail"]);
  const broken = Buffer.concat([Buffer.from("X: a\rb\r\n"), message]);
  assert.deepEqual((await checkMessage(broken, { skipsDkim: true }, resolver)).dkim, []);
});

test("nothing is said of DMARC, and nobody asked, where it is not to be checked", async () => {
  for (const message of [
    await signedBy(MESSAGE, RSA),
    Buffer.from("From: a\rb\r\n\r\nx\r\n"),
    Buffer.from("x y\r\n"),
  ]) {
    const { dmarc, dmarcDetail, queries } = await checkMessage(message, { skipsDmarc: true }, resolver);
    assert.deepEqual(dmarc, { result: "none", domain: "" });
    assert.equal(dmarcDetail.record, undefined);
    assert.ok(queries <= 1, "its key");
  }
});

describe("what is wrong, precisely", () => {
  const rows: [selector: string, change: (text: string) => string, wanted: string | undefined, result: string][] = [
    ["nobody", (text) => text, "no key", "permerror"],
    ["long", (text) => text, "overlong key", "permerror"],
    ["rsa", (text) => text.replace("v=1;", "v=2;"), "version", "neutral"],
    ["rsa", (text) => text.replace("Hello", "Goodbye"), undefined, "fail"],
  ];
  for (const [selector, change, wanted, result] of rows) {
    test(`${wanted}: ${result}`, async () => {
      const signed = change((await signedBy(MESSAGE, { domain: "example.org", selector })).toString("latin1"));
      const { dkim, signatures } = await checkMessage(
        Buffer.from(signed, "latin1"),
        { wantsSignatures: true },
        resolver,
      );
      assert.deepEqual([dkim[0]?.result, signatures[0]?.fault], [result, wanted]);
    });
  }
});
