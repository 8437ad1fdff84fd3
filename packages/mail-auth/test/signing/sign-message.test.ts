import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { checkMessage, type DkimSigner, readSigningKey, signMessage } from "../../src/index.ts";
import { ourKey } from "../arc/sealed.ts";
import { resolverFor } from "../dns-lab.ts";
import { transientPieces } from "../transient-pieces.ts";

const resolver = await resolverFor(ourKey.zone, 5_000);
const NOW_MS = Date.UTC(2026, 10, 28);
const message = [
  "From: Ann  <ann@hop.example>",
  "To: joe@example.org,",
  "\tjim@example.org",
  "Subject:  two   blanks ",
  "",
  "Hello.  ",
  "",
  " \t more \t",
  "",
  "",
].join("\r\n");

const signer = (type: "rsa" | "ed25519", more: Partial<DkimSigner> = {}): DkimSigner => ({
  domain: "hop.example",
  selector: type,
  key: readSigningKey(ourKey.pem[type]),
  canonicalization: "relaxed",
  hash: "sha256",
  fields: ["From", "To", "Subject"],
  ...more,
});

async function signed(text: string, ...dkim: readonly DkimSigner[]): Promise<string> {
  const { fields, problems } = await signMessage(Buffer.from(text, "latin1"), { dkim }, NOW_MS);
  assert.deepEqual(problems, []);
  return fields + text;
}

test("a key in PEM may stand on one line, or be indented, as a policy has it", () => {
  const pem = ourKey.pem.rsa;
  const usual = readSigningKey(pem).key;
  for (const text of [pem.replaceAll("\n", ""), pem.replaceAll("\n", " "), pem.replaceAll("\n", "\r\n  ")])
    assert.ok(readSigningKey(text).key.equals(usual), text.slice(0, 60));
  assert.throws(() => readSigningKey("-----BEGIN PRIVATE KEY-----abc-----END PRIVATE KEY-----"));
});

const resultsOf = async (text: string): Promise<readonly string[]> =>
  (await checkMessage(Buffer.from(text, "latin1"), {}, resolver)).dkim.map(({ result }) => result);

const kinds: readonly [name: string, signer: DkimSigner][] = [
  ["RSA, relaxed", signer("rsa")],
  ["RSA, simple", signer("rsa", { canonicalization: "simple" })],
  ["Ed25519, relaxed", signer("ed25519")],
  ["Ed25519, simple", signer("ed25519", { canonicalization: "simple" })],
  ["with an identity", signer("rsa", { identity: "ann@mail.hop.example" })],
  ["fields that are not there", signer("rsa", { fields: ["From", "From", "List-Id", "+Subject", "=To"] })],
  ["many fields", signer("rsa", { fields: ["From", ...Array.from({ length: 60 }, (_, i) => `X-Field-${i}`)] })],
];

const bodies: readonly [name: string, text: string][] = [
  ["a body", message],
  ["no body", "From: ann@hop.example\r\nSubject: x\r\n\r\n"],
  ["no blank line", "From: ann@hop.example\r\nSubject: x\r\n"],
  ["no line end", "From: ann@hop.example\r\n\r\nHello"],
  ["empty lines alone", "From: ann@hop.example\r\n\r\n\r\n\r\n"],
  ["octets beyond ASCII", "From: ann@hop.example\r\nSubject: \xe9\r\n\r\n\xff\xfe\r\n"],
];

for (const [kind, how] of kinds) {
  test(`what is signed holds, and no more when it is changed: ${kind}`, async () => {
    for (const [body, text] of bodies) {
      const sent = await signed(text, how);
      assert.deepEqual(await resultsOf(sent), ["pass"], `${body}: ${sent}`);
      const changed = sent.replace("ann@hop.example", "eve@hop.example");
      if (how.identity === undefined) assert.deepEqual(await resultsOf(changed), ["fail"], body);
      assert.deepEqual(await resultsOf(`${sent}\r\n\r\nx`), ["fail"], `${body}, longer`);
      for (const line of sent.slice(0, -text.length).split("\r\n")) assert.ok(line.length <= 78, line);
    }
  });
}

test("the field has its tags in Exim's order", async () => {
  const how = signer("rsa", { identity: "@hop.example", lifetimeS: 3600 });
  const [field = ""] = (await signed(message, how)).split(/\r\n(?=From:)/);
  const tags = field.replaceAll(/\r\n\t ?/g, " ").replace(/ b=.*/, " b=");
  const [, hash] = /bh=([^;]+)/.exec(tags) ?? [];
  assert.equal(
    tags,
    "DKIM-Signature: v=1; a=rsa-sha256; q=dns/txt; c=relaxed/relaxed; d=hop.example; s=rsa; " +
      `h=Subject:To:From; bh=${hash}; i=@hop.example; t=1795824000; x=1795827600; b=`,
  );
});

test("a lifetime of nothing is a time without an end", async () => {
  const text = await signed(message, signer("rsa", { lifetimeS: 0 }));
  assert.match(text, /t=1795824000;/);
  assert.doesNotMatch(text, /[; \t]x=/);
});

test("several signatures: the first signer's is on top, and each holds", async () => {
  const text = await signed(message, signer("rsa"), signer("ed25519"));
  assert.deepEqual(await resultsOf(text), ["pass", "pass"]);
  assert.ok(text.indexOf("s=rsa;") < text.indexOf("s=ed25519;"));
});

test("content in pieces is signed as it is in one", async () => {
  const dkim = [signer("rsa")];
  const whole = await signMessage(Buffer.from(message, "latin1"), { dkim }, NOW_MS);
  for (const octets of [1, 7, 1000]) {
    const pieces = await signMessage(transientPieces(Buffer.from(message, "latin1"), octets), { dkim }, NOW_MS);
    assert.equal(pieces.fields, whole.fields, `${octets} octets`);
  }
});

test("a header that can be read in two ways is not signed", async () => {
  const text = Buffer.from("From: ann@hop.example\r\nno field\r\n\r\nHello.\r\n", "latin1");
  const { fields, problems } = await signMessage(text, { dkim: [signer("rsa")] }, NOW_MS);
  assert.equal(fields, "");
  assert.deepEqual(problems, ["message not signed: a line that is no header field"]);
});

const pemOf = (type: "rsa" | "ec"): string => {
  const { privateKey } =
    type === "rsa"
      ? generateKeyPairSync("rsa", { modulusLength: 512 })
      : generateKeyPairSync("ec", { namedCurve: "P-256" });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
};

const noKeys: readonly [name: string, pem: string, text: RegExp][] = [
  ["nothing", "", /./],
  ["no PEM", "abc", /./],
  ["a short RSA key", pemOf("rsa"), /an RSA key of 512 bits is too short/],
  ["another kind of key", pemOf("ec"), /a key of type ec/],
];

for (const [name, pem, text] of noKeys) {
  test(`no key to sign with: ${name}`, () => assert.throws(() => readSigningKey(pem), text));
}

test("what is sealed has its times, and the client's address only where there is one", async () => {
  const arc = {
    ...{
      domain: "hop.example",
      selector: "rsa",
      key: readSigningKey(ourKey.pem.rsa),
      isKnownName: true,
      hasTimestamps: true,
    },
    ...{ expires: { afterS: 60 }, fields: ["From"] },
  };
  const text = Buffer.from(`Authentication-Results: hop.example 1; none\r\n${message}`, "latin1");
  const { fields } = await signMessage(text, { dkim: [signer("rsa")], arc }, NOW_MS);
  const order = ["ARC-Seal:", "ARC-Authentication-Results:", "ARC-Message-Signature:", "DKIM-Signature:"];
  assert.deepEqual(fields.match(/^[A-Z][A-Za-z-]+:/gm), order);
  assert.match(fields, /^ARC-Authentication-Results: i=1; hop\.example;\r\n\tnone\r\n/m);
  assert.match(fields, /x=1795824060;/);
  assert.equal(fields.match(/t=1795824000;/g)?.length, 2);
  const absolute = await signMessage(text, { dkim: [], arc: { ...arc, expires: { atS: 1_900_000_000 } } }, NOW_MS);
  assert.match(absolute.fields, /x=1900000000;/);
});

const unsealed: readonly [name: string, message: string, problem: string][] = [
  ["no results", message, "ARC: no Authentication-Results header for signing"],
  [
    "somebody else's results",
    `Authentication-Results: hop.example.org; arc=none\r\n${message}`,
    "ARC: no Authentication-Results header for signing",
  ],
];

for (const [name, text, problem] of unsealed) {
  test(`not sealed: ${name}`, async () => {
    const arc = {
      ...{
        domain: "hop.example",
        selector: "rsa",
        key: readSigningKey(ourKey.pem.rsa),
        isKnownName: true,
        hasTimestamps: false,
      },
      fields: ["From"],
    };
    const { fields, problems } = await signMessage(Buffer.from(text, "latin1"), { dkim: [], arc }, NOW_MS);
    assert.equal(fields, "");
    assert.deepEqual(problems, [problem]);
  });
}

test("under a name that may be any, only results above the trace fields are sealed: the others may be forged", async () => {
  const results = "Authentication-Results: hop.example; dmarc=pass\r\n";
  const received = "Received: from a by b; Thu, 26 Nov 2026 10:00:00 +0000\r\n";
  const arc = (isKnownName: boolean) => ({
    ...{ domain: "hop.example", selector: "rsa", key: readSigningKey(ourKey.pem.rsa), hasTimestamps: false },
    ...{ fields: ["From"], isKnownName },
  });
  const isSealed = async (text: string, isKnownName: boolean): Promise<boolean> => {
    const octets = Buffer.from(`${text}${message}`, "latin1");
    return (await signMessage(octets, { dkim: [], arc: arc(isKnownName) }, NOW_MS)).fields !== "";
  };
  const sealed = [];
  for (const text of [results + received, received + results])
    for (const isKnown of [true, false]) sealed.push(await isSealed(text, isKnown));
  assert.deepEqual(sealed, [true, true, true, false]);
});
