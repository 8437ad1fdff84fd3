import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { test } from "node:test";
import type { SpfFact } from "@postbus/contracts";
import { type DnsZone, program } from "@postbus/testkit";
import { dkimSign } from "mailauth/lib/dkim/sign.js";
import { checkMessage } from "../src/index.ts";
import { resolverFor } from "./dns-lab.ts";
import { transientPieces } from "./transient-pieces.ts";

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const shortRsa = generateKeyPairSync("rsa", { modulusLength: 512 });
const ed25519 = generateKeyPairSync("ed25519");
const pem = (key: KeyObject): string => key.export({ type: "pkcs8", format: "pem" }).toString();
const spki = (key: KeyObject): string => key.export({ type: "spki", format: "der" }).toString("base64");
const rsaRecord = `v=DKIM1; k=rsa; p=${spki(rsa.publicKey)}`;
const edRecord = `v=DKIM1; k=ed25519; p=${ed25519.publicKey.export({ type: "spki", format: "der" }).subarray(-32).toString("base64")}`;

const zone: DnsZone = {
  "rsa._domainkey.example.org": { TXT: [rsaRecord] },
  "ed._domainkey.example.org": { TXT: [edRecord] },
  "rsa._domainkey.mail.example.org": { TXT: [rsaRecord] },
  "rsa._domainkey.other.example": { TXT: [rsaRecord] },
  "short._domainkey.example.org": { TXT: [`v=DKIM1; k=rsa; p=${spki(shortRsa.publicKey)}`] },
  "revoked._domainkey.example.org": { TXT: ["v=DKIM1; k=rsa; p="] },
  "silent._domainkey.example.org": "drop",
  "alias._domainkey.example.org": { CNAME: "rsa._domainkey.example.org" },
  "loop._domainkey.example.org": { CNAME: "loop._domainkey.example.org" },
  "_dmarc.example.org": { TXT: ["v=DMARC1; p=reject"] },
  "_dmarc.strict.example": { TXT: ["v=DMARC1; p=quarantine; aspf=s; adkim=s"] },
  "_dmarc.two.example": { TXT: ["v=DMARC1; p=reject", "v=DMARC1; p=none"] },
  "_dmarc.junk.example": { TXT: ["v=DMARC1 junk"] },
  "_dmarc.silent.example": "drop",
  "_dmarc.sub.example": { TXT: ["v=DMARC1; p=none; sp=quarantine; np=reject"] },
  "there.sub.example": { A: ["192.0.2.1"] },
  "_dmarc.test.example": { TXT: ["v=DMARC1; p=reject; t=y"] },
  // RFC 8463 appendix A.2
  "brisbane._domainkey.football.example.com": {
    TXT: ["v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="],
  },
  "test._domainkey.football.example.com": {
    TXT: [
      [
        "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWR",
        "iGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutAC",
        "DfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3",
        "Ip3G+2kryOTIKT+l/K4w3QIDAQAB",
      ],
    ],
  },
  // RFC 6376 appendix C
  "brisbane._domainkey.example.com": {
    TXT: [
      [
        "v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQ",
        "KBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYt",
        "IxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v",
        "/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhi",
        "tdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB",
      ],
    ],
  },
};

/** RFC 8463 appendix A.3. */
const RFC_8463 = `DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
`;

/** RFC 6376 appendix A.2, with the blanks that it was signed with. */
const RFC_6376 = `DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;
      c=simple/simple; q=dns/txt; i=joe@football.example.com;
      h=Received : From : To : Subject : Date : Message-ID;
      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB
      4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut
      KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV
      4bmp/YzhwvcubU4=;
Received: from client1.football.example.com  [192.0.2.1]
      by submitserver.example.com with SUBMISSION;
      Fri, 11 Jul 2003 21:01:54 -0700 (PDT)
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game. Are you hungry yet?

Joe.
`;

const crlf = (text: string): Buffer => Buffer.from(text.replaceAll("\n", "\r\n"), "latin1");
const plain = (from = "joe@example.org", body = "Hello.\n"): string =>
  `From: ${from}\nTo: ann@example.net\nSubject: hi\nMessage-ID: <1@example.org>\n\n${body}`;

interface Signing {
  readonly domain?: string;
  readonly selector?: string;
  readonly key?: KeyObject;
  readonly algorithm?: string;
  readonly expires?: Date;
}

async function sign(message: Buffer, { key = rsa.privateKey, ...options }: Signing = {}): Promise<Buffer> {
  const signer = {
    signingDomain: options.domain ?? "example.org",
    selector: options.selector ?? "rsa",
    privateKey: pem(key),
    algorithm: options.algorithm ?? "rsa-sha256",
  };
  const { signatures } = await dkimSign(message, {
    ...signer,
    canonicalization: "relaxed/relaxed",
    ...(options.expires === undefined ? {} : { expires: options.expires, signTime: new Date(0) }),
    signatureData: [signer],
  });
  assert.notEqual(signatures, "", "was signed");
  return Buffer.concat([Buffer.from(signatures, "latin1"), message]);
}

const resolver = await resolverFor(zone);
const spfOf = (result: SpfFact["result"], domain: string): SpfFact => ({ result, domain });

test("RFC 8463 appendix A: both signatures pass", async () => {
  const { dkim } = await checkMessage(crlf(RFC_8463), {}, resolver);
  assert.deepEqual(dkim, [
    { result: "pass", domain: "football.example.com", selector: "brisbane", algorithm: "ed25519-sha256" },
    { result: "pass", domain: "football.example.com", selector: "test", algorithm: "rsa-sha256" },
  ]);
});

test("RFC 6376 appendix A: the signature passes", async () => {
  const { dkim } = await checkMessage(crlf(RFC_6376), {}, resolver);
  assert.deepEqual(dkim, [{ result: "pass", domain: "example.com", selector: "brisbane", algorithm: "rsa-sha256" }]);
});

test("however the content is cut, the facts are the same", async () => {
  const message = crlf(RFC_8463);
  const whole = await checkMessage(message, {}, resolver);
  for (const octets of [1, 2, 7, 100, 1000, 100_000]) {
    assert.deepEqual(await checkMessage(transientPieces(message, octets), {}, resolver), whole, `pieces of ${octets}`);
  }
});

const signings: readonly (readonly [string, Signing, string])[] = [
  ["RSA", {}, "pass"],
  ["Ed25519", { selector: "ed", key: ed25519.privateKey, algorithm: "ed25519-sha256" }, "pass"],
  ["the wrong key", { selector: "ed" }, "neutral"],
  ["no such key", { selector: "nobody" }, "permerror"],
  ["a revoked key (RFC 6376 §3.6.1)", { selector: "revoked" }, "neutral"],
  ["a key of 512 bits (RFC 8301 §3.2)", { selector: "short", key: shortRsa.privateKey }, "policy"],
  ["rsa-sha1 (RFC 8301 §3.1)", { algorithm: "rsa-sha1" }, "policy"],
  ["a key server that does not answer", { selector: "silent" }, "temperror"],
  ["a key behind an alias", { selector: "alias" }, "pass"],
  ["a key in a loop of aliases", { selector: "loop" }, "temperror"],
  ["expired (x=)", { expires: new Date(1_000_000) }, "fail"],
  ["expired six minutes ago", { expires: new Date(Date.now() - 360_000) }, "fail"],
  ["expired a minute ago: clocks differ", { expires: new Date(Date.now() - 60_000) }, "pass"],
];

for (const [name, signing, result] of signings) {
  test(`DKIM, ${name}: ${result}`, async () => {
    const message = await sign(crlf(plain()), signing);
    const { dkim } = await checkMessage(message, {}, resolver);
    assert.deepEqual(
      dkim.map((fact) => fact.result),
      [result],
      String(dkim[0]?.comment),
    );
  });
}

test("DKIM: a body or a field that was changed fails", async () => {
  const message = (await sign(crlf(plain()))).toString("latin1");
  for (const [was, is] of [
    ["Hello", "Hallo"],
    ["Subject: hi", "Subject: ho"],
  ] as const) {
    const { dkim, dmarc } = await checkMessage(Buffer.from(message.replace(was, is), "latin1"), {}, resolver);
    assert.equal(dkim[0]?.result, "fail");
    assert.equal(dmarc.result, "fail");
  }
});

test("without a signature the body is not read", async () => {
  let asked = 0;
  let closed = false;
  async function* content(): AsyncGenerator<Buffer> {
    try {
      for (const piece of [crlf(plain()), Buffer.alloc(1000), Buffer.alloc(1000)]) {
        asked++;
        yield piece;
      }
    } finally {
      closed = true;
    }
  }
  assert.deepEqual((await checkMessage(content(), {}, resolver)).dkim, []);
  assert.equal(asked, 1);
  assert.equal(closed, true, "and let go of");
});

interface DmarcCase {
  readonly from: string;
  readonly spf?: SpfFact;
  readonly signing?: Signing;
  readonly result: string;
  readonly domain: string;
  readonly policy?: string;
}

const dmarcCases: Readonly<Record<string, DmarcCase>> = {
  "aligned signature": {
    from: "joe@example.org",
    signing: {},
    result: "pass",
    domain: "example.org",
    policy: "reject",
  },
  "aligned signature of a subdomain": {
    from: "joe@example.org",
    signing: { domain: "mail.example.org" },
    result: "pass",
    domain: "example.org",
    policy: "reject",
  },
  "a stranger's signature": {
    from: "joe@example.org",
    signing: { domain: "other.example" },
    result: "fail",
    domain: "example.org",
    policy: "reject",
  },
  "nothing at all": { from: "joe@example.org", result: "fail", domain: "example.org", policy: "reject" },
  "aligned SPF": {
    from: "joe@example.org",
    spf: spfOf("pass", "bounce.example.org"),
    result: "pass",
    domain: "example.org",
    policy: "reject",
  },
  "SPF of a stranger": {
    from: "joe@example.org",
    spf: spfOf("pass", "other.example"),
    result: "fail",
    domain: "example.org",
    policy: "reject",
  },
  "SPF aligned, but softfail": {
    from: "joe@example.org",
    spf: spfOf("softfail", "example.org"),
    result: "fail",
    domain: "example.org",
    policy: "reject",
  },
  "strict alignment": {
    from: "joe@strict.example",
    spf: spfOf("pass", "a.strict.example"),
    result: "fail",
    domain: "strict.example",
    policy: "quarantine",
  },
  "no record": { from: "joe@nothing.example", result: "none", domain: "nothing.example" },
  "two records": { from: "joe@two.example", result: "none", domain: "two.example" },
  "junk for a record": { from: "joe@junk.example", result: "none", domain: "junk.example" },
  "no answer": { from: "joe@silent.example", result: "temperror", domain: "silent.example" },
  "a subdomain (sp)": {
    from: "joe@there.sub.example",
    result: "fail",
    domain: "there.sub.example",
    policy: "quarantine",
  },
  "a subdomain that does not exist (np)": {
    from: "joe@not.sub.example",
    result: "fail",
    domain: "not.sub.example",
    policy: "reject",
  },
  "test mode (t=y)": { from: "joe@test.example", result: "fail", domain: "test.example", policy: "quarantine" },
  "an aligned domain whose SPF could not be asked": {
    from: "joe@example.org",
    spf: spfOf("temperror", "example.org"),
    result: "temperror",
    domain: "example.org",
    policy: "reject",
  },
  "an aligned signature whose key could not be asked": {
    from: "joe@example.org",
    signing: { selector: "silent" },
    result: "temperror",
    domain: "example.org",
    policy: "reject",
  },
  "a stranger whose SPF could not be asked": {
    from: "joe@example.org",
    spf: spfOf("temperror", "other.example"),
    result: "fail",
    domain: "example.org",
    policy: "reject",
  },
  "two authors of one domain": {
    from: "a@example.org, b@example.org",
    result: "fail",
    domain: "example.org",
    policy: "reject",
  },
  "authors of two domains (RFC 9989 §5.3.1)": {
    from: "a@example.org, b@other.example",
    result: "permerror",
    domain: "",
  },
  "two addresses in angle brackets": { from: "<a@other.example> <b@example.org>", result: "permerror", domain: "" },
  "an address without a domain": { from: "joe", result: "permerror", domain: "" },
  "a domain that is none": { from: "joe@exa mple.org", result: "permerror", domain: "" },
  "a control character in the domain": { from: "joe@example.org\u0001", result: "permerror", domain: "" },
  "an empty group (RFC 6854)": { from: "nobody:;", result: "none", domain: "" },
};

test("a stranger's key that nobody hears of keeps no message from its author's policy", async () => {
  const patient = await resolverFor({ ...zone, "silent._domainkey.other.example": "drop" }, 20_000);
  const message = await sign(crlf(plain()), { domain: "other.example", selector: "silent" });
  const { dkim, dmarc } = await checkMessage(message, { timeoutMs: 15_000 }, patient);
  assert.deepEqual([dkim[0]?.result, dmarc.result, dmarc.policy], ["temperror", "fail", "reject"]);
});

for (const [name, { from, spf, signing, result, domain, policy }] of Object.entries(dmarcCases)) {
  test(`DMARC, ${name}: ${result}`, async () => {
    const bare = crlf(plain(from));
    const message = signing === undefined ? bare : await sign(bare, signing);
    const { dmarc } = await checkMessage(message, spf === undefined ? {} : { spf }, resolver);
    assert.deepEqual(
      { result: dmarc.result, domain: dmarc.domain, policy: dmarc.policy },
      { result, domain, policy },
      String(dmarc.comment),
    );
  });
}

test("DMARC: a second From field, above or below the signed one, makes it permerror", async () => {
  const signed = (await sign(crlf(plain()))).toString("latin1");
  const above = `From: ceo@bank.example\r\n${signed}`;
  const below = signed.replace("\r\n\r\n", "\r\nfrom : ceo@bank.example\r\n\r\n");
  for (const message of [above, below]) {
    assert.equal((await checkMessage(Buffer.from(message, "latin1"), {}, resolver)).dmarc.result, "permerror");
  }
});

/** Headers that a server takes, and readers show: they are no way past the author's policy. */
const strange = [
  ["999 folds", `X: y\r\n${" \r\n".repeat(999)} z\r\nFrom: a@example.org\r\n`],
  ["10,000 blanks", `X:${" ".repeat(10_000)}y\r\nFrom: a@example.org\r\n`],
  ["20,000 folds in From", `From: a${" \r\n".repeat(20_000)} @example.org\r\n`],
  ["10,000 blanks in the author's name", `From: "a${" ".repeat(10_000)}b" <a@example.org>\r\n`],
  ["an author's name of 100 KB", `From: ${"x ".repeat(50_000)}<a@example.org>\r\n`],
  ["a local part of 10 KB", `From: ${"x".repeat(10_000)}@example.org\r\n`],
  ["a field of 34,000 folds", `X: y\r\n${" \r\n".repeat(34_000)} z\r\nFrom: a@example.org\r\n`],
  ["1,000 fields", `${"X: y\r\n".repeat(999)}From: a@example.org\r\n`],
  ["999 authors of one domain", `From: ${"a@example.org, ".repeat(998)}a@example.org\r\n`],
] as const;

for (const [name, header] of strange) {
  test(`DMARC: ${name}, and the policy is found`, async () => {
    const { dmarc } = await checkMessage(Buffer.from(`${header}\r\nbody\r\n`, "latin1"), {}, await resolver);
    assert.deepEqual([dmarc.result, dmarc.policy, dmarc.domain], ["fail", "reject", "example.org"]);
  });
}

test("DMARC: a line that is no header field is no way past the author's policy, and voids signatures, not SPF", async () => {
  const signed = (await sign(crlf(plain()))).toString("latin1");
  const spf = spfOf("pass", "example.org");
  for (const line of ["no field", "A b: c", "From joe@example.org Mon"]) {
    const at = `\r\n${line}\r\n\r\n`;
    const judged = async (message: string, options = {}) => {
      const { dkim, dmarc, arc } = await checkMessage(
        Buffer.from(message, "latin1"),
        { wantsArc: true, ...options },
        resolver,
      );
      return [dkim.map(({ result }) => result), dmarc.result, dmarc.policy, arc?.result];
    };
    const bad = signed.replace("\r\n\r\n", at);
    assert.deepEqual(await judged(bad), [["permerror"], "fail", "reject", "fail"], line);
    assert.deepEqual(await judged(bad, { spf }), [["permerror"], "pass", "reject", "fail"], line);
    const two = bad.replace(at, `${at.slice(0, -2)}From: ceo@bank.example\r\n\r\n`);
    assert.deepEqual(await judged(two, { spf }), [["permerror"], "permerror", undefined, "fail"], line);
  }
});

test("DMARC: nor is such a line with more than a header section's length behind it", async () => {
  const header = "From: joe@example.org\r\nSubject: x\r\nno field\r\n";
  const octets = Buffer.from(`${header}${`${"y".repeat(97)}\r\n`.repeat(11_000)}`, "latin1");
  for (const content of [octets, transientPieces(octets, 10_000)]) {
    const { dmarc } = await checkMessage(content, {}, resolver);
    assert.deepEqual([dmarc.result, dmarc.policy], ["fail", "reject"]);
  }
});

test("a header section that is longer than usual is looked at if it may be so long", async () => {
  const header = `${`X: ${"y".repeat(60_000)}\r\n`.repeat(40)}From: a@example.org\r\n\r\n`;
  const octets = Buffer.from(`${header}body\r\n`, "latin1");
  const results = [];
  for (const maxHeaderOctets of [undefined, header.length]) {
    for (const content of [octets, transientPieces(octets, 10_000)]) {
      const { dmarc } = await checkMessage(content, { ...(maxHeaderOctets && { maxHeaderOctets }) }, await resolver);
      results.push(dmarc.result);
    }
  }
  assert.deepEqual(results, ["permerror", "permerror", "fail", "fail"]);
});

test("a message without From has no DMARC result", async () => {
  const { dmarc } = await checkMessage(crlf("Subject: x\n\nbody\n"), {}, resolver);
  assert.equal(dmarc.result, "none");
});

test("signatures that are too long count as one that cannot be read, not as a check that was not made", async () => {
  const field = `DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=rsa; h=from; bh=eA==; b=${"A".repeat(20_000)}\r\n`;
  const message = `${field}${field}From: a@example.org\r\n\r\nbody\r\n`;
  const { dkim, dmarc, signatures } = await checkMessage(
    Buffer.from(message, "latin1"),
    { wantsSignatures: true },
    await resolver,
  );
  assert.deepEqual(
    [dkim.map(({ result }) => result), signatures, dmarc.result, dmarc.policy],
    [["neutral"], [], "fail", "reject"],
  );
});

test("fifty signatures: ten are looked at", async () => {
  const message = await sign(crlf(plain()));
  const signature = message.toString("latin1").slice(0, message.indexOf("From:"));
  const { dkim, dmarc } = await checkMessage(
    Buffer.from(signature.repeat(49) + message.toString("latin1"), "latin1"),
    {},
    resolver,
  );
  assert.equal(dkim.length, 10);
  assert.equal(dmarc.result, "pass");
});

const hostile: readonly (readonly [string, string])[] = [
  ["nothing", ""],
  ["only an empty line", "\r\n"],
  ["only a body", "\r\nhello\r\n"],
  ["no empty line", "From: joe@example.org\r\nSubject: x"],
  ["a header section of 2 MB", `From: joe@example.org\r\n${"X: y\r\n".repeat(350_000)}\r\nbody`],
  ["a header section without end", "X".repeat(3_000_000)],
  ["a line that is no field", "From: joe@example.org\r\nhello\r\nDKIM-Signature: v=1\r\n\r\nbody"],
  ["900 signatures of nonsense", `${"DKIM-Signature: v=1; a=x\r\n".repeat(900)}From: joe@example.org\r\n\r\nbody`],
  ["a signature of 90 KB", `DKIM-Signature: ${"a=b;".repeat(22_500)}\r\nFrom: joe@example.org\r\n\r\nbody`],
  [
    "h= of 90 KB",
    `DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=rsa; bh=x; b=x; h=from${":x".repeat(45_000)}\r\nFrom: a@b.example\r\n\r\n`,
  ],
  [
    "no From in h=",
    "DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=rsa; h=to; bh=x; b=x\r\nFrom: a@b.example\r\n\r\n",
  ],
  [
    "controls in d= and s=",
    "DKIM-Signature: v=1; a=rsa-sha256; d=a\u0000\u0007b; s=\u001b[0m; h=from; bh=x; b=x\r\nFrom: a@b.example\r\n\r\n",
  ],
  ["a From of 90 KB of brackets", `From: ${'<("'.repeat(30_000)}\r\nDKIM-Signature: v=1; d=a\r\n\r\n`],
  ["a From of 20,000 addresses", `From: ${"a@b.example,".repeat(8_000)}\r\nDKIM-Signature: v=1; d=a\r\n\r\n`],
  [
    "a Content-Type of 90 KB",
    `Content-Type: x/y;${' a*0*="b'.repeat(10_000)}\r\nDKIM-Signature: v=1; a=rsa-sha256; d=a.b; s=s; h=from; bh=x; b=x\r\nFrom: a@b.example\r\n\r\n`,
  ],
  [
    "51 ARC sets",
    `${Array.from({ length: 51 }, (_, i) => `ARC-Seal: i=${i + 1}; a=rsa-sha256; cv=pass; d=a.b; s=s; b=x\r\n`).join("")}DKIM-Signature: v=1; a=rsa-sha256; d=a.b; s=s; h=from; bh=x; b=x\r\nFrom: a@b.example\r\n\r\n`,
  ],
  [
    "proto in tags",
    "DKIM-Signature: __proto__=1; constructor=2; v=1; a=rsa-sha256; d=a.b; s=s; h=from; bh=x; b=x\r\nFrom: a@b.example\r\n\r\n",
  ],
];

for (const [name, message] of hostile) {
  test(`hostile: ${name} gives facts, clean and none of them a pass`, async () => {
    const { dkim, dmarc } = await checkMessage(Buffer.from(message, "latin1"), {}, resolver);
    assert.ok(dkim.length <= 10);
    for (const fact of [...dkim, dmarc]) {
      assert.notEqual(fact.result, "pass");
      assert.match(JSON.stringify(fact), /^[\x20-\x7e]*$/);
      assert.ok(JSON.stringify(fact).length < 2000);
    }
  });
}

test("when time is up, everything is temperror", async () => {
  const message = await sign(crlf(plain()));
  const { dkim, dmarc } = await checkMessage(message, { signal: AbortSignal.abort() }, resolver);
  assert.deepEqual(dkim, []);
  assert.equal(dmarc.result, "temperror");
  async function* never(): AsyncGenerator<Buffer> {
    yield message.subarray(0, 10);
    await new Promise(() => undefined);
  }
  assert.equal((await checkMessage(never(), { timeoutMs: 10 }, resolver)).dmarc.result, "temperror");
});

test("content that cannot be read is an error, not a fact", async () => {
  const message = await sign(crlf(plain("joe@example.org", "x\n".repeat(1000))));
  async function* broken(): AsyncGenerator<Buffer> {
    yield message.subarray(0, message.length - 1000);
    throw new Error("digest does not match");
  }
  await assert.rejects(checkMessage(broken(), {}, resolver), /digest does not match/);
});

// The system's own, for which Debian's package is; another one may come first in the PATH.
const python = ["/usr/bin/python3", program("python3") ?? ""].find(
  (path) => spawnSync(path, ["-c", "import dkim"]).status === 0,
);

test("a message signed by independent software (dkimpy) passes", {
  skip: python === undefined && "no python3-dkim on this machine",
}, async () => {
  const script = `import dkim, sys
message, key = sys.stdin.buffer.read().split(b"\\0")
sys.stdout.buffer.write(dkim.sign(message, b"rsa", b"example.org", key, canonicalize=(b"relaxed", b"simple")) + message)`;
  const key = rsa.privateKey.export({ type: "pkcs1", format: "pem" });
  const input = Buffer.concat([crlf(plain()), Buffer.from([0]), Buffer.from(key)]);
  const signed = execFileSync(python ?? "", ["-c", script], { input });
  const { dkim, dmarc } = await checkMessage(signed, {}, resolver);
  assert.deepEqual(
    dkim.map((fact) => fact.result),
    ["pass"],
    String(dkim[0]?.comment),
  );
  assert.equal(dmarc.result, "pass");
});
