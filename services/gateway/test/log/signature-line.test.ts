import assert from "node:assert/strict";
import { test } from "node:test";
import type { DkimSignature } from "@postbus/contracts";
import { signatureLine } from "../../src/log/signature-line.ts";

const signature: DkimSignature = {
  ...{ status: "pass", reason: "", domain: "pass.ex", selector: "sel", algorithm: "rsa-sha256", signatureBits: 2048 },
  ...{ headerCanonicalization: "relaxed", bodyCanonicalization: "relaxed", headerNames: "from", copiedHeaders: "" },
};
const BEGINNING = "DKIM: d=pass.ex s=sel c=relaxed/relaxed a=rsa-sha256 b=2048";

/** What exim-4.100 writes; of the last two, there is nothing like them. */
const rows: readonly [changes: Partial<DkimSignature>, want: string][] = [
  [{}, `${BEGINNING} [verification succeeded]`],
  [
    { identity: "me@pass.ex", created: 1, expires: 2, bodyLength: 3 },
    `${BEGINNING} i=me@pass.ex t=1 x=2 l=3 [verification succeeded]`,
  ],
  [
    { status: "fail", reason: "bodyhash_mismatch" },
    `${BEGINNING} [verification failed - body hash mismatch (body probably modified in transit)]`,
  ],
  [
    { status: "fail", reason: "signature_incorrect" },
    `${BEGINNING} [verification failed - signature did not verify (headers probably modified in transit)]`,
  ],
  [
    { status: "fail", reason: "pubkey_too_short" },
    `${BEGINNING} [verification failed - signature invalid (key too short)]`,
  ],
  [
    { status: "invalid", reason: "pubkey_unavailable" },
    `${BEGINNING} [invalid - public key record (currently?) unavailable]`,
  ],
  [{ status: "invalid", reason: "pubkey_dns_syntax" }, `${BEGINNING} [invalid - syntax error in public key record]`],
  [{ status: "invalid", reason: "pubkey_der_syntax" }, `${BEGINNING} [invalid - syntax error in public key record]`],
  [{ status: "invalid", reason: "" }, `${BEGINNING} [invalid - signature tag missing or invalid]`],
  [{ status: "invalid", reason: "", fault: "version" }, `${BEGINNING} [invalid - unsupported DKIM version]`],
  [
    { status: "invalid", reason: "pubkey_unavailable", fault: "overlong key" },
    `${BEGINNING} [invalid - overlong public key record]`,
  ],
  [{ status: "fail", reason: "signature_expired" }, `${BEGINNING} [verification failed - signature expired]`],
  [{ status: "none" }, `${BEGINNING} [not verified]`],
];

for (const [changes, want] of rows) {
  test(want.slice(BEGINNING.length + 1), () => assert.equal(signatureLine({ ...signature, ...changes }), want));
}
