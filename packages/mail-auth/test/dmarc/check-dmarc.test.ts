import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { DmarcRecord, SpfFact } from "@postbus/contracts";
import { checkDmarc } from "../../src/dmarc/check-dmarc.ts";
import { PublicSuffixes } from "../../src/dmarc/public-suffixes.ts";
import { type LibraryResolver, queryAdapter } from "../../src/query-adapter.ts";
import { resolverFor } from "../dns-lab.ts";

const record = (tags: string) => ({ TXT: [`v=DMARC1; ${tags}`] });
const resolver = await resolverFor({
  "_dmarc.example.org": record(
    "p=reject; sp=quarantine; adkim=s; fo=1:d; pct=20; rua=mailto:a@example.org!10m, mailto:b@else.example; ruf=mailto:f@example.org",
  ),
  "_dmarc.own.example.org": record("p=none"),
  "there.example.org": { A: ["192.0.2.1"] },
  "there.np.example": { TXT: ["x"] },
  "_dmarc.np.example": record("p=none; sp=quarantine; np=reject"),
  "_dmarc.test.example": record("p=reject; t=y"),
  "_dmarc.bad.example": record("p=refuse; rua=mailto:a@bad.example"),
  "_dmarc.worse.example": record("p=refuse; rua=nobody"),
  "_dmarc.twice.example": { TXT: ["v=DMARC1; p=reject", "v=DMARC1; p=none"] },
  "_dmarc.late.example": { TXT: ["p=reject; v=DMARC1"] },
  "_dmarc.junk.example": record("p=reject; pct=1000; x; =; fo=\u0001; rua=,,mailto:a\u0007@b.example,;;adkim=q"),
  "_dmarc.psd": record("p=reject; psd=y; np=quarantine"),
  "_dmarc.registered.psd": record("p=quarantine"),
  "_dmarc.island.registered.psd": record("p=reject; psd=n"),
  "_dmarc.deep.example": record("p=quarantine"),
  "_dmarc.co.suffix": record("p=reject"),
  "_dmarc.shop.co.suffix": record("p=quarantine"),
  "_dmarc.silent.example": "drop",
});

const suffixes = new PublicSuffixes("// comment\ncom\norg\nexample\nsuffix\nco.suffix\n*.wild\n!known.wild\npsd\n");

const spfOf = (domain: string): SpfFact => ({ result: "pass", domain });

interface Case {
  readonly from: string;
  readonly spf?: string;
  readonly dkim?: string;
  /** Result, policy, where the record was found, and what is aligned. */
  readonly is: string;
  /** By public suffixes, where that is another thing. */
  readonly by7489?: string;
}

const CASES: Readonly<Record<string, Case>> = {
  "its own record": { from: "a@example.org", is: "fail reject example.org -" },
  "SPF, relaxed": { from: "a@example.org", spf: "bounce.example.org", is: "pass reject example.org spf" },
  "SPF of a sibling": { from: "a@there.example.org", spf: "x.example.org", is: "pass quarantine example.org spf" },
  "DKIM, strict": { from: "a@example.org", dkim: "mail.example.org", is: "fail reject example.org -" },
  "DKIM, the same": { from: "a@example.org", dkim: "EXAMPLE.org", is: "pass reject example.org dkim" },
  both: { from: "a@example.org", spf: "example.org", dkim: "example.org", is: "pass reject example.org spf+dkim" },
  "a subdomain has sp": { from: "a@there.example.org", is: "fail quarantine example.org -" },
  "a subdomain with a record of its own": { from: "a@own.example.org", is: "fail none own.example.org -" },
  "a subdomain that exists": {
    from: "a@there.np.example",
    is: "fail quarantine np.example -",
  },
  "a subdomain that does not (np)": {
    from: "a@not.np.example",
    is: "fail reject np.example -",
    by7489: "fail quarantine np.example -",
  },
  "test mode": {
    from: "a@test.example",
    is: "fail quarantine test.example -",
    by7489: "fail reject test.example -",
  },
  "a wrong policy of somebody who wants reports": { from: "a@bad.example", is: "fail none bad.example -" },
  "a wrong policy of somebody who does not": { from: "a@worse.example", is: "none - - -" },
  "two records": { from: "a@twice.example", is: "none - - -" },
  "a version that does not come first": { from: "a@late.example", is: "none - - -" },
  "junk behind the policy": { from: "a@junk.example", is: "fail reject junk.example -" },
  "no record": { from: "a@nothing.example", spf: "nothing.example", is: "none - - -" },
  "a name that nobody answers for": { from: "a@silent.example", is: "temperror - - -" },
  "one label below a public suffix": {
    from: "a@registered.psd",
    spf: "mail.registered.psd",
    is: "pass quarantine registered.psd spf",
  },
  "below a public suffix, without a record": {
    from: "a@unregistered.psd",
    is: "fail quarantine psd -",
    by7489: "none - - -",
  },
  "an organization inside another one (psd=n)": {
    from: "a@island.registered.psd",
    spf: "registered.psd",
    is: "fail reject island.registered.psd -",
    by7489: "pass reject island.registered.psd spf",
  },
  "an author at a public suffix": {
    from: "a@co.suffix",
    spf: "shop.co.suffix",
    is: "pass reject co.suffix spf",
    by7489: "fail reject co.suffix -",
  },
  "two that share a public suffix only": {
    from: "a@shop.co.suffix",
    spf: "co.suffix",
    is: "pass quarantine shop.co.suffix spf",
    by7489: "fail quarantine shop.co.suffix -",
  },
  "twelve labels: the walk jumps to seven": {
    from: "a@a.b.c.d.e.f.g.h.i.j.deep.example",
    is: "fail quarantine deep.example -",
  },
  "an address literal": { from: "a@[192.0.2.1]", is: "none - - -" },
  "two authors of two domains": { from: "a@example.org, b@test.example", is: "permerror - - -" },
  "no author": { from: "nobody:;", is: "none - - -" },
};

const asking = (signal = new AbortController().signal): LibraryResolver => queryAdapter(resolver, signal);

async function judge({ from, spf, dkim }: Case, by?: PublicSuffixes): Promise<string> {
  const signatures =
    dkim === undefined
      ? []
      : [{ fact: { result: "pass" as const, domain: dkim, selector: "s" }, signature: undefined as never }];
  const evidence = { from: [from], signatures, ...(spf === undefined ? {} : { spf: spfOf(spf) }) };
  const { fact, detail } = await checkDmarc(evidence, asking(), by);
  const aligned = [...(detail.isSpfAligned ? ["spf"] : []), ...(detail.isDkimAligned ? ["dkim"] : [])].join("+");
  return [fact.result, fact.policy ?? "-", detail.record?.domain ?? "-", aligned || "-"].join(" ");
}

describe("DMARC", () => {
  for (const [name, each] of Object.entries(CASES)) {
    test(`${name}: ${each.is}`, async () => assert.equal(await judge(each), each.is));
    test(`by public suffixes, ${name}: ${each.by7489 ?? each.is}`, async () =>
      assert.equal(await judge(each, suffixes), each.by7489 ?? each.is));
  }

  const ofRecord: readonly (readonly [string, Omit<DmarcRecord, "domain">])[] = [
    [
      "example.org",
      {
        p: "reject",
        sp: "quarantine",
        adkim: "s",
        aspf: "r",
        fo: "1:d",
        percent: 20,
        rua: ["mailto:a@example.org!10m", "mailto:b@else.example"],
        ruf: ["mailto:f@example.org"],
      },
    ],
    ["junk.example", { p: "reject", adkim: "r", aspf: "r", percent: 100, rua: [], ruf: [] }],
    ["test.example", { p: "reject", adkim: "r", aspf: "r", isTest: true, percent: 100, rua: [], ruf: [] }],
    [
      "np.example",
      { p: "none", sp: "quarantine", np: "reject", adkim: "r", aspf: "r", percent: 100, rua: [], ruf: [] },
    ],
  ];
  for (const [domain, expected] of ofRecord) {
    test(`what reports are made of: the record of ${domain}`, async () => {
      const { detail } = await checkDmarc({ from: [`a@${domain}`], signatures: [] }, asking());
      const { fo, ...rest } = detail.record ?? assert.fail();
      assert.deepEqual(fo === "" || fo === undefined ? rest : { fo, ...rest }, { domain, ...expected });
    });
  }

  test("two From fields prove nobody", async () => {
    const { fact } = await checkDmarc({ from: ["a@example.org", "a@example.org"], signatures: [] }, asking());
    assert.equal(fact.result, "permerror");
  });
});
