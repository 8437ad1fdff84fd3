import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { describeSignature, type Verified } from "../../src/dkim/describe-signature.ts";
import { readTags } from "../../src/dkim/tag-list.ts";

const FIELD =
  " v=1; a=RSA-SHA256; c=relaxed; d=Example.org;\r\n s=sel; t=1715000000; l=5; h=From :\r\n To; z=From:a|\r\n To:b";
const verified = (given: Partial<Verified>): Verified => ({
  ...{ result: "neutral", comment: "", keyRecord: undefined },
  ...given,
});

test("a signature is described by its tags, without their folds", () => {
  assert.deepEqual(describeSignature(FIELD, verified({ result: "pass" })), {
    ...{ status: "pass", reason: "", domain: "Example.org", selector: "sel", algorithm: "rsa-sha256" },
    ...{ headerCanonicalization: "relaxed", bodyCanonicalization: "simple", bodyLength: 5, created: 1_715_000_000 },
    signatureBits: 0,
    ...{ headerNames: "From:To", copiedHeaders: "From:a|To:b" },
  });
});

describe("what is wrong has Exim's words", () => {
  const key = (p: string): Partial<Verified> => ({ comment: "invalid public key", keyRecord: `v=DKIM1; p=${p}` });
  const rows: [given: Partial<Verified>, status: string, reason: string][] = [
    [{ result: "fail", comment: "body hash did not verify" }, "fail", "bodyhash_mismatch"],
    [{ result: "fail", comment: "bad signature" }, "fail", "signature_incorrect"],
    [{ result: "fail", comment: "expired" }, "fail", "signature_expired"],
    [{ result: "policy", comment: "weak key" }, "fail", "pubkey_too_short"],
    [{ result: "permerror", comment: "no key" }, "invalid", "pubkey_unavailable"],
    [{ result: "temperror", comment: "DNS failure: ETIMEOUT" }, "invalid", "pubkey_unavailable"],
    [key("AAAA"), "invalid", "pubkey_der_syntax"],
    [key(""), "invalid", "pubkey_der_syntax"],
    [key("!!"), "invalid", "pubkey_dns_syntax"],
    [{ comment: "invalid public key" }, "invalid", "pubkey_dns_syntax"],
    [{ result: "permerror", comment: "overlong key" }, "invalid", "pubkey_unavailable"],
    [{ comment: "incompatible version" }, "invalid", ""],
  ];
  for (const [given, status, reason] of rows) {
    test(`${given.comment} ${given.keyRecord ?? ""}`, () => {
      const described = describeSignature(FIELD, verified(given));
      assert.deepEqual([described?.status, described?.reason], [status, reason]);
    });
  }
});

test("what Exim takes for no signature is none", () => {
  for (const field of ["v=1; a=rsa-sha256; s=x", "v=1; a=rsa-sha256; d=x", "v=1; a=rsa-sha1; d=x; s=y", ""]) {
    assert.equal(describeSignature(field, verified({})), undefined);
  }
});

test("texts are one line of bounded length, and numbers are numbers", () => {
  const field = `d=x\u00e4\r\n y; s=${"s".repeat(999)}; a=a; t=-1; x=1e9; l=${"9".repeat(30)}; h=${"n:".repeat(9_999)}`;
  const described = describeSignature(field, verified({}));
  assert.match(described?.domain ?? "", /^[!-~]+$/);
  assert.equal(described?.selector.length, 253);
  assert.deepEqual([described?.created, described?.expires, described?.bodyLength], [undefined, undefined, undefined]);
  assert.ok((described?.headerNames.length ?? 0) <= 2_000);
});

test("of a key, its length and its words are told", () => {
  const keyRecord =
    "v=DKIM1; k=ed25519; t=y : s; s=email; n=a note; g=*; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
  assert.deepEqual(describeSignature(FIELD, verified({ result: "pass", keyRecord }))?.key, {
    ...{ testing: true, noSubdomains: true, serviceTypes: "email", granularity: "*", notes: "a note", length: 256 },
  });
  assert.equal(describeSignature(FIELD, verified({ keyRecord: "p=AAAA" }))?.key, undefined);
});

test("of several tags with one name, the first counts", () => {
  assert.deepEqual(
    [...readTags("a=1; b = x=y ;a=2;;c")],
    [
      ["a", "1"],
      ["b", "x=y"],
    ],
  );
});
