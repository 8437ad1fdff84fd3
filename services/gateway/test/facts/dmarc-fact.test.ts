import assert from "node:assert/strict";
import { test } from "node:test";
import type { DmarcDetail, DmarcFact, DmarcRecord } from "@postbus/contracts";
import { dmarcFact, dmarcOff } from "../../src/facts/dmarc-fact.ts";

const record: DmarcRecord = { domain: "b.example", p: "reject", adkim: "r", aspf: "r", percent: 100, rua: [], ruf: [] };
const failed = { isSpfAligned: false, isDkimAligned: false } as const;
const fact = (result: DmarcFact["result"], policy?: string, domain = "b.example"): DmarcFact => ({
  result,
  domain,
  ...(policy === undefined ? {} : { policy }),
});

/** Status, text, result in Authentication-Results, used domain, policy, alignment of SPF and DKIM. */
const CASES: Readonly<Record<string, readonly [DmarcFact, DmarcDetail | undefined, string]>> = {
  "a pass": [
    fact("pass", "reject"),
    { record, isSpfAligned: true, isDkimAligned: false },
    "accept|Accept|pass|b.example|reject|yes no",
  ],
  "a failure, p=reject": [fact("fail", "reject"), { record, ...failed }, "reject|Reject|fail|b.example|reject|no no"],
  "a failure, p=quarantine": [
    fact("fail", "quarantine"),
    { record: { ...record, p: "quarantine" }, ...failed },
    "quarantine|Quarantine|fail|b.example|quarantine|no no",
  ],
  "a failure, p=none": [
    fact("fail", "none"),
    { record: { ...record, p: "none" }, ...failed },
    "none|None, Accept|none|b.example|none|no no",
  ],
  "a subdomain, by sp": [
    fact("fail", "quarantine", "sub.b.example"),
    { record: { ...record, sp: "quarantine" }, ...failed },
    "quarantine|Quarantine|fail|b.example|quarantine|no no",
  ],
  "a subdomain, without sp": [
    fact("fail", "reject", "sub.b.example"),
    { record, ...failed },
    "reject|Reject|fail|b.example|reject|no no",
  ],
  "test mode: what is published stays so": [
    fact("fail", "quarantine"),
    { record: { ...record, isTest: true }, ...failed },
    "quarantine|Quarantine|fail|b.example|reject|no no",
  ],
  "no record": [fact("none"), failed, "norecord|No DMARC record|none|b.example||no no"],
  "no author": [fact("none", undefined, ""), failed, "nofrom|No From: domain found|temperror|||no no"],
  "two authors": [fact("permerror", undefined, ""), failed, "nofrom|No From: domain found|temperror|||no no"],
  "nobody could tell": [fact("temperror"), undefined, "temperror|Internal Policy Error|temperror|b.example||no no"],
};

for (const [name, [given, detail, expected]] of Object.entries(CASES)) {
  test(`DMARC of ${name}: ${expected}`, () => {
    const { result, variables: v } = dmarcFact({ fact: given, detail }, "mx.test");
    const field = String(v["dmarc_ar_header"]);
    const from = given.domain === "" ? "" : ` header.from=${given.domain}`;
    const [, word = ""] = /^Authentication-Results: mx\.test; dmarc=(\w+)/.exec(field) ?? [];
    assert.ok(field.endsWith(`dmarc=${word}${from}`), field);
    const aligned = `${v["dmarc_alignment_spf"]} ${v["dmarc_alignment_dkim"]}`;
    const shown = [v["dmarc_status_text"], word, v["dmarc_used_domain"], v["dmarc_domain_policy"], aligned];
    assert.equal([result, ...shown].join("|"), expected);
    assert.equal(v["dmarc_status"], result);
  });
}

test("where nothing is checked the status is off, or none for who has authenticated", () => {
  const off = dmarcOff("disabled", "mx.test");
  assert.deepEqual([off.result, off.variables["dmarc_status"], off.variables["dmarc_status_text"]], ["off", "off", ""]);
  assert.equal(off.variables["dmarc_ar_header"], "Authentication-Results: mx.test; dmarc=skipped");
  assert.equal(dmarcOff("authenticated", "mx.test").result, "none");
});
