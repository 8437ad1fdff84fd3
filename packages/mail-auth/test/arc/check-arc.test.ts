import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { BodyHash } from "../../src/canonical/body-hash.ts";
import { canonicalField } from "../../src/canonical/canonical-field.ts";
import { checkMessage, readSigningKey } from "../../src/index.ts";
import { signatureOf } from "../../src/signing/signing-key.ts";
import { resolverFor } from "../dns-lab.ts";
import { transientPieces } from "../transient-pieces.ts";
import { MX_TEST_KEY } from "./exim-chain-key.ts";
import { ourKey, sealed } from "./sealed.ts";

const chain = readFileSync(new URL("./exim-chain.eml", import.meta.url));
const resolver = await resolverFor({ "arcs._domainkey.mx.test.ex": { TXT: [MX_TEST_KEY] }, ...ourKey.zone }, 5_000);

const arcOf = async (message: Buffer | AsyncIterable<Buffer>) =>
  (await checkMessage(message, { wantsArc: true }, resolver)).arc;

const changed = (from: string | RegExp, to: string, message = chain.toString("latin1")): Buffer => {
  const text = message.replace(from, to);
  assert.notEqual(text, message, "the change finds something to change");
  return Buffer.from(text, "latin1");
};

test("a chain of three hops that Exim has signed holds, with c=relaxed and without t=", async () => {
  const hop = { domain: "mx.test.ex", selector: "arcs", clientAddress: "127.0.0.1" };
  const expected = { result: "pass", instance: 3, oldestPass: 1, hops: [hop, hop, hop] };
  assert.deepEqual(await arcOf(chain), expected);
  assert.deepEqual(await arcOf(transientPieces(chain, 61)), expected, "in pieces");
});

test("without the question there is no answer, and without a chain it is none", async () => {
  assert.equal((await checkMessage(chain, {}, resolver)).arc, undefined);
  const plain = Buffer.from("From: a@b.example\r\n\r\nHello.\r\n", "latin1");
  assert.deepEqual(await arcOf(plain), { result: "none", instance: 0, oldestPass: 0, hops: [] });
});

const seal = /ARC-Seal: i=2;.*?;\r\n(?=[A-Z])/s;
const broken: readonly [name: string, message: () => Buffer, reason: string | RegExp][] = [
  ["another body", () => Buffer.concat([chain, Buffer.from("x\r\n")]), "AMS body hash miscompare"],
  ["another Subject", () => changed(/^Subject: /m, "Subject: x"), "AMS sig nonverify"],
  ["a seal is missing", () => changed(seal, ""), "i=2 (missing header)"],
  ["a seal says that the chain has failed", () => changed("i=3; cv=pass", "i=3; cv=fail"), "i=3 (cv)"],
  ["the first seal says that there was a chain", () => changed("i=1; cv=none", "i=1; cv=pass"), "seal sigverify error"],
  ["a set is there twice", () => changed(seal, "$&$&"), "collecting headers: inserting AS: dup hdr"],
  [
    "a set without a number",
    () => changed("ARC-Seal: i=2;", "ARC-Seal:"),
    "collecting headers: inserting AS: instance find",
  ],
  [
    "set number 51",
    () => changed("ARC-Seal: i=2;", "ARC-Seal: i=51;"),
    "collecting headers: inserting AS: overlarge instance number",
  ],
  [
    "set number 0",
    () => changed("ARC-Seal: i=2;", "ARC-Seal: i=0;"),
    "collecting headers: inserting AS: instance find",
  ],
  ["a gap", () => changed(/(ARC-[A-Za-z-]+: i=)3/g, "$14"), "i=2 (sequence; expected 3)"],
  ["no first set", () => changed(/ARC-[A-Za-z-]+: i=1;.*?\r\n(?=[A-Z])/gs, ""), "(sequence; expected i=1)"],
  [
    "a tag twice",
    () => changed("ARC-Seal: i=2;", "ARC-Seal: i=2; d=x;"),
    "collecting headers: inserting AS: instance find",
  ],
  ["other results", () => changed("(i=2)", "(i=9)"), "seal sigverify error"],
  ["no domain of a signature", () => changed("c=relaxed; d=mx.test.ex;", "c=relaxed;"), "required tag missing"],
  [
    "an unknown algorithm of a seal",
    () => changed("cv=pass; a=rsa-sha256", "cv=pass; a=rsa-sha1"),
    "seal hash setup error",
  ],
  ["h= in a seal", () => changed("cv=pass; a=", "cv=pass; h=From; a="), "seal setup error"],
  [
    "no key",
    () => changed("i=3; cv=pass; a=rsa-sha256; d=mx", "i=3; cv=pass; a=rsa-sha256; d=no"),
    /^seal pubkey problem/,
  ],
  ["a seal signed by us", () => changed("h=Subject:From", "h=Subject:From:ARC-Seal"), "required tag missing"],
  ["From is not signed", () => changed("h=Subject:From", "h=Subject"), "required tag missing"],
];

for (const [name, message, reason] of broken) {
  test(`${name}: the chain fails`, async () => {
    const fact = await arcOf(message());
    assert.equal(fact?.result, "fail");
    // Where a seal is wrong, the signatures of the message hold all the same, as far as this one has them: from the first hop on.
    assert.equal(fact.oldestPass, fact.reason?.startsWith("seal ") === true ? 1 : 0);
    if (typeof reason === "string") assert.equal(fact.reason, reason);
    else assert.match(fact.reason ?? "", reason);
  });
}

test("who has sealed is told of a broken chain, too, with gaps", async () => {
  const fact = await arcOf(changed(/ARC-[A-Za-z-]+: i=2;.*?\r\n(?=[A-Z])/gs, ""));
  assert.deepEqual(
    fact?.hops.map(({ domain }) => domain),
    ["mx.test.ex", "", "mx.test.ex"],
  );
});

test("c=relaxed may be said of a body that was hashed relaxed, as Exim does", async () => {
  const key = readSigningKey(ourKey.pem.rsa);
  const hash = new BodyHash("relaxed", "sha256");
  hash.update(Buffer.from("Hello.  \r\n", "latin1"));
  const from = "From: a@b.example\r\n";
  const results = "ARC-Authentication-Results: i=1; hop.example; none\r\n";
  const ofMessage = `ARC-Message-Signature: i=1; a=rsa-sha256; c=relaxed; d=hop.example; s=rsa; h=From; bh=${hash.digest()}; b=`;
  const relaxed = (field: string): string => canonicalField(field, "relaxed");
  const message = `${ofMessage}${await signatureOf(relaxed(from) + relaxed(ofMessage), key, "sha256")}\r\n`;
  const ofSeal = "ARC-Seal: i=1; cv=none; a=rsa-sha256; d=hop.example; s=rsa; b=";
  const signature = await signatureOf(relaxed(results) + relaxed(message) + relaxed(ofSeal), key, "sha256");
  const text = `${ofSeal}${signature}\r\n${message}${results}${from}\r\nHello.  \r\n`;
  assert.equal((await arcOf(Buffer.from(text, "latin1")))?.result, "pass");
  assert.equal((await arcOf(changed("Hello", "Goodbye", text)))?.result, "fail");
});

test("the oldest pass is the hop since which nothing has changed", async () => {
  const one = await sealed("From: a@b.example\r\nSubject: one\r\n\r\nHello.\r\n", { results: "arc=none" });
  assert.deepEqual((await arcOf(Buffer.from(one, "latin1")))?.oldestPass, 1);
  const edited = one.replace("Subject: one", "Subject: [list] one").replace("Hello.", "Hello.\r\nFooter.");
  const two = await sealed(edited, { results: "arc=pass" });
  const three = await sealed(two, { results: "arc=pass" });
  const fact = await arcOf(Buffer.from(three, "latin1"));
  assert.equal(fact?.result, "pass");
  assert.equal(fact.instance, 3);
  assert.equal(fact.oldestPass, 2);
});

for (const forged of ["iprev=pass (a;arc=pass.evil.example)", 'auth=pass (PLAIN) smtp.auth="x;arc=pass"']) {
  test(`a client cannot have a failed chain sealed as whole: ${forged}`, async () => {
    const one = await sealed("From: a@b.example\r\nSubject: one\r\n\r\nHello.\r\n", { results: "arc=none" });
    const two = await sealed(one, { results: `${forged};\r\n\tarc=fail` });
    assert.match(two, /^ARC-Seal: *i=2; *cv=fail;/);
  });
}

test("a key that nobody tells of is a failure that says so", async () => {
  const one = await sealed("From: a@b.example\r\n\r\nHello.\r\n", { results: "arc=none", selector: "silent" });
  const silent = await resolverFor({ "silent._domainkey.hop.example": "drop" });
  const fact = (await checkMessage(Buffer.from(one, "latin1"), { wantsArc: true }, silent)).arc;
  assert.equal(fact?.result, "fail");
  assert.equal(fact.reason, "AMS pubkey problem (DNS failure: ETIMEOUT)");
});

test("fifty sets are a chain, and no fifty-first is made", async () => {
  let message = "From: a@b.example\r\nSubject: far\r\n\r\nHello.\r\n";
  for (let i = 0; i < 50; i++)
    message = await sealed(message, { results: i === 0 ? "arc=none" : "arc=pass", key: "ed25519" });
  const fact = await arcOf(Buffer.from(message, "latin1"));
  assert.equal(fact?.result, "pass");
  assert.equal(fact.instance, 50);
  await assert.rejects(sealed(message, { results: "arc=pass" }), /50 sets are there already/);
});

test("a seal's message signature ends five minutes later than it says: clocks differ", async () => {
  const message = "From: a@hop.example\r\nSubject: x\r\n\r\nHello.\r\n";
  for (const [afterS, result, reason] of [
    [-60, "pass", undefined],
    [-360, "fail", "AMS sig expired"],
  ] as const) {
    const arc = await arcOf(Buffer.from(await sealed(message, { results: "arc=none", afterS }), "latin1"));
    assert.deepEqual([arc?.result, arc?.reason], [result, reason]);
  }
});
