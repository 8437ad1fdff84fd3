import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Facts } from "@postbus/contracts";
import fc from "fast-check";
import { authenticationResults } from "../../src/trace/authentication-results.ts";

interface Row {
  readonly name: string;
  readonly facts: Facts;
  readonly returnPath?: string;
  /** Results, without the field's name and folds. */
  readonly want: readonly string[];
}

const rows: readonly Row[] = [
  {
    name: "SPF",
    facts: { spf: { result: "softfail", domain: "b.example" } },
    want: ["spf=softfail smtp.mailfrom=a@b.example"],
  },
  {
    name: "SPF of HELO for the null reverse-path",
    facts: { spf: { result: "none", domain: "mail.b.example" } },
    returnPath: "",
    want: ["spf=none smtp.helo=mail.b.example"],
  },
  {
    name: "an address that is no plain word is quoted",
    facts: { spf: { result: "pass", domain: "b.example" } },
    returnPath: '"a;b \\" c"@b.example',
    want: ['spf=pass smtp.mailfrom="\\"a;b \\\\\\" c\\"@b.example"'],
  },
  {
    name: "signatures, each with domain, selector and algorithm",
    facts: {
      dkim: [
        { result: "pass", domain: "b.example", selector: "s1", algorithm: "rsa-sha256" },
        { result: "fail", domain: "c.example", selector: "s2", comment: "body hash (mismatch)" },
      ],
    },
    want: [
      "dkim=pass header.d=b.example header.s=s1 header.a=rsa-sha256",
      "dkim=fail (body hash ?mismatch?) header.d=c.example header.s=s2",
    ],
  },
  { name: "no signatures", facts: { dkim: [] }, want: ["dkim=none"] },
  {
    name: "DMARC with the owner's wish",
    facts: { dmarc: { result: "fail", domain: "b.example", policy: "quarantine" } },
    want: ["dmarc=fail (p=quarantine) header.from=b.example"],
  },
];

describe("authenticationResults", () => {
  for (const { name, facts, returnPath = "a@b.example", want } of rows) {
    test(name, () => {
      const field = `Authentication-Results: mx.test;\r\n\t${want.join(";\r\n\t")}\r\n`;
      assert.equal(authenticationResults("mx.test", returnPath, facts), field);
    });
  }

  test("nothing was asked: no field", () => assert.equal(authenticationResults("mx.test", "a@b", {}), ""));

  test("whatever peers write, it is one field of printable lines", () => {
    const text = fc.string({ unit: "binary", maxLength: 400 });
    fc.assert(
      fc.property(text, text, text, (domain, comment, returnPath) => {
        const field = authenticationResults("mx.test", returnPath, {
          spf: { result: "fail", domain, comment },
          dkim: [{ result: "fail", domain, selector: domain, comment }],
          dmarc: { result: "fail", domain, comment },
        });
        const lines = field.split("\r\n");
        assert.equal(lines.length, 5);
        for (const line of lines) assert.match(line, /^\t?[ -~]{0,997}$/);
      }),
    );
  });
});
