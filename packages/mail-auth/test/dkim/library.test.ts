import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import type { DnsZone } from "@postbus/testkit";
import { dkimSign } from "mailauth/lib/dkim/sign.js";
import { dkimVerify } from "mailauth/lib/dkim/verify.js";
import { checkMessage } from "../../src/index.ts";
import { resolverFor } from "../dns-lab.ts";

/*
 * The library's verifier, which is not ours, about the same messages and records: what holds for it holds for us, and nothing else.
 */

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const encoded = publicKey.export({ type: "spki", format: "der" }).toString("base64");
const pkcs1 = publicKey.export({ type: "pkcs1", format: "der" }).toString("base64");

const records: Readonly<Record<string, string>> = {
  good: `v=DKIM1; k=rsa; p=${encoded}`,
  bare: `p=${encoded}`,
  pkcs1: `k=rsa; p=${pkcs1}`,
  folded: `v=DKIM1;k=rsa;p=${encoded.replaceAll(/.{60}/g, "$& ")};`,
  late: `k=rsa; v=DKIM1; p=${encoded}`,
  v2: `v=DKIM2; p=${encoded}`,
  revoked: "v=DKIM1; p=",
  nop: "v=DKIM1; k=rsa",
  twice: `v=DKIM1; p=${encoded}; p=${encoded}`,
  junk: "hello",
  base64: "v=DKIM1; p=!!!!",
  noder: "v=DKIM1; p=AAAA",
  dsa: `v=DKIM1; k=dsa; p=${encoded}`,
  edtype: `v=DKIM1; k=ed25519; p=${encoded}`,
  sha1: `v=DKIM1; h=sha1; p=${encoded}`,
  hashes: `v=DKIM1; h=sha1:sha256; p=${encoded}`,
  tlsrpt: `v=DKIM1; s=tlsrpt; p=${encoded}`,
  star: `v=DKIM1; s=*; p=${encoded}`,
  strict: `v=DKIM1; t=y:s; p=${encoded}`,
  note: `v=DKIM1; n=a = b; p=${encoded}`,
};
const zone: DnsZone = Object.fromEntries(
  Object.entries(records).map(([name, record]) => [
    `${name}._domainkey.a.test`,
    { TXT: [[record.slice(0, 200), record.slice(200)]] },
  ]),
);
const resolver = await resolverFor(zone, 5_000);
const text = (name: string): string | undefined => records[name.split(".")[0] ?? ""];

const MESSAGE =
  "From: Ann <ann@a.test>\r\nTo: b@b.test\r\nSubject:  x \t y\r\nSubject: z\r\n\r\nHello. \r\n\r\n more\r\n\r\n";

async function signed(selector: string, canonicalization = "relaxed/relaxed"): Promise<string> {
  const signer = {
    ...{ signingDomain: "a.test", selector, algorithm: "rsa-sha256" },
    privateKey: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
  const message = Buffer.from(MESSAGE, "latin1");
  const { signatures } = await dkimSign(message, { ...signer, canonicalization, signatureData: [signer] });
  return signatures + MESSAGE;
}

async function compare(message: string): Promise<string> {
  const octets = Buffer.from(message, "latin1");
  const library = await dkimVerify(octets, {
    strict: true,
    resolver: async (name: string) => {
      const record = text(name);
      if (record === undefined) throw Object.assign(new Error("no such name"), { code: "ENOTFOUND" });
      return [[record]];
    },
  });
  const { dkim } = await checkMessage(octets, {}, resolver);
  const [theirs] = library.results;
  const [ours] = dkim;
  assert.equal(
    ours?.result === "pass",
    theirs?.status.result === "pass",
    `${message}: ${JSON.stringify([ours, theirs?.status])}`,
  );
  return `${ours?.result} ${ours?.comment ?? ""}`.trim();
}

const results: Readonly<Record<string, string>> = {
  ...{
    good: "pass",
    bare: "pass",
    pkcs1: "pass",
    folded: "pass",
    hashes: "pass",
    star: "pass",
    strict: "pass",
    note: "pass",
  },
  ...{ late: "neutral unknown key version", v2: "neutral unknown key version", revoked: "neutral invalid public key" },
  ...{ nop: "neutral invalid public key", twice: "neutral invalid public key", junk: "neutral invalid public key" },
  ...{ base64: "neutral invalid public key", noder: "neutral unknown key type", dsa: "neutral unknown key type" },
  ...{
    edtype: "neutral unknown key type",
    sha1: "neutral inappropriate hash algorithm",
    tlsrpt: "neutral key not for email",
  },
};

test("keys: the library and we take the same", async () => {
  for (const name of [...Object.keys(records), "nobody"])
    assert.equal(await compare(await signed(name)), results[name] ?? "permerror no key", name);
});

/** Changes of a message that holds. */
const changes: readonly [from: string | RegExp, to: string][] = [
  ["Hello.", "Hello!"],
  ["Hello. \r\n", "Hello.\r\n"],
  [" more\r\n\r\n", " more\r\n\r\n\r\n"],
  ["Subject:  x \t y", "SUBJECT: x y"],
  ["Subject: z\r\n", ""],
  ["From: Ann", "From: Eve"],
  ["v=1;", "v=2;"],
  ["v=1;", ""],
  [/a=rsa-sha256;/, "a=rsa-sha512;"],
  [/a=rsa-sha256;/, "a=RSA-SHA256;"],
  [/a=rsa-sha256;/, "a=ed25519-sha256;"],
  [/c=relaxed\/relaxed;/, "c=relaxed/other;"],
  [/c=relaxed\/relaxed;/, ""],
  [/d=a\.test;/, "d=a.test; d=a.test;"],
  [/d=a\.test;/, "d=b.test;"],
  [/d=a\.test;/, "D=a.test;"],
  [/d=a\.test;/, "d=a_test;"],
  [/s=good;/, "s=GOOD;"],
  [/s=good;/, "s=;"],
  [/\bh=/, "h=To:"],
  [/\bbh=/, "l=3; bh="],
  [/\bbh=/, "l=-3; bh="],
  [/\bbh=/, "t=1; x=2; bh="],
  [/\bbh=/, "t=2; x=1; bh="],
  [/\bbh=/, "i=@b.test; bh="],
  [/\bbh=/, "i=x; bh="],
  [/\bbh=/, "q=dns/txt; bh="],
  [/\bbh=/, "q=http; bh="],
  [/\bbh=/, "bh=AAAA; x"],
  [/\bb=/, "b=AAAA; x="],
  [/^DKIM-Signature: /, "DKIM-Signature: ; "],
  [/^DKIM-Signature:/, "dkim-signature  :"],
];

test("signatures and messages that were changed: the library and we take the same", async () => {
  for (const how of ["relaxed/relaxed", "simple/simple", "relaxed/simple"]) {
    const message = await signed("good", how);
    assert.equal(await compare(message), "pass", how);
    for (const [from, to] of changes) await compare(message.replace(from, to));
  }
});
