import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { compileExpansion } from "../../src/expansion/compile-expansion.ts";
import { createEvaluation } from "../../src/expansion/create-evaluation.ts";
import { srsCheck, srsEncode } from "../../src/expansion/srs.ts";
import { textOf } from "../../src/expansion/value.ts";
import { policyOf } from "../policy-of.ts";

const DAY = 86_400_000;
/** Day 298 of its 1024. */
const NOW = Date.UTC(2026, 10, 21, 12);

/** The values of Exim 4.96 with the secret `mysecret` and the domain `test.ex`, on 21 November 2026. */
const encoded: readonly [returnPath: string, address: string][] = [
  ["joe@example.com", "SRS0=afd4=jk=example.com=joe@test.ex"],
  ["a_test_user@example.com", "SRS0=c324=jk=example.com=a_test_user@test.ex"],
  ["A_Test_User@Example.COM", "SRS0=c324=jk=Example.COM=A_Test_User@test.ex"],
  ['"a b"@example.com', '"SRS0=3df4=jk=example.com=a b"@test.ex'],
  ["a=b@example.com", "SRS0=12f5=jk=example.com=a=b@test.ex"],
  ["localonly", "SRS0=483c=jk==localonly@test.ex"],
  ["", ""],
];

describe("srs_encode", () => {
  for (const [returnPath, address] of encoded) {
    test(`of "${returnPath}"`, () => assert.equal(srsEncode("mysecret", returnPath, "test.ex", NOW), address));
  }

  test("has the day in two characters, from 0 to 1023 and again", () => {
    const stamp = (nowMs: number) => /^SRS0=....=(..)=/.exec(srsEncode("s", "a@b", "c", nowMs))?.[1];
    assert.deepEqual([0, Date.UTC(2024, 0, 1), Date.UTC(2025, 11, 31), 1023 * DAY, 1024 * DAY].map(stamp), [
      ...["aa", "il", "7f", "77", "aa"],
    ]);
  });
});

describe("inbound_srs", () => {
  const cases: readonly [name: string, localPart: string, days: number, want: string][] = [
    ["today", "SRS0=afd4=jk=example.com=joe", 0, "joe@example.com"],
    ["for ten days", "SRS0=afd4=jk=example.com=joe", 10, "joe@example.com"],
    ["not for eleven", "SRS0=afd4=jk=example.com=joe", 11, "no"],
    ["not before its day", "SRS0=afd4=jk=example.com=joe", -1, "no"],
    ["again after 1,024 days", "SRS0=afd4=jk=example.com=joe", 1024, "joe@example.com"],
    ["with letters that have changed their case", "srs0=AFD4=JK=EXAMPLE.com=JOE", 0, "joe@example.com"],
    ["not with another hash", "SRS0=afd5=jk=example.com=joe", 0, "no"],
    ["with an equals sign", "SRS0=12f5=jk=example.com=a=b", 0, "a=b@example.com"],
    ["with what needs quotes", "SRS0=3df4=jk=example.com=a b", 0, '"a b"@example.com'],
    ["in quotes itself", '"SRS0=3df4=jk=example.com=a b"', 0, '"a b"@example.com'],
    ["not with another separator", "SRS0+afd4=jk=example.com=joe", 0, "none"],
    ["not as SRS1", "SRS1=afd4=x==afd4=jk=example.com=joe", 0, "none"],
  ];
  for (const [name, localPart, days, want] of cases) {
    test(`${name}: ${localPart}`, () => {
      const checked = srsCheck(localPart, ["mysecret"], NOW + days * DAY);
      assert.equal(checked === undefined ? "none" : checked.isRight ? checked.recipient : "no", want);
    });
  }

  test("takes back whatever srs_encode has made, over the day on which the count begins again", () => {
    const before = 1023 * DAY;
    for (const returnPath of [...encoded.map(([path]) => path), '"joe"@example.com', '"a\\"b"@example.com']) {
      if (!returnPath.includes("@")) continue;
      const made = srsEncode("k", returnPath, "test.ex", before);
      const localPart = made.slice(0, made.lastIndexOf("@"));
      assert.equal(srsCheck(localPart, ["k"], before + 10 * DAY)?.isRight, true, made);
      assert.equal(srsCheck(localPart, ["k"], before + 11 * DAY)?.isRight, false, made);
    }
  });

  test("with an empty secret, looks at the form alone", () => {
    assert.deepEqual(srsCheck("SRS0=x=aa=b.c=a", [""], NOW), { recipient: "a@b.c", isRight: true });
  });
});

describe("+srs_secrets", () => {
  const expanded = async (text: string, main: string) => {
    const { surroundings } = policyOf(`primary_hostname = mx.test\n${main}\n`);
    const evaluation = createEvaluation({ ...surroundings, now: () => NOW, variables: { get: () => undefined } });
    return textOf(await compileExpansion(text).run(evaluation));
  };
  const encode = "${srs_encode {+srs_secrets}{joe@example.com}{test.ex}}";
  const check = "${if inbound_srs {SRS0=afd4=jk=example.com=joe}{+srs_secrets}{$srs_recipient}{no}}";

  test("are those of the main option: the first makes, all of them check", async () => {
    assert.equal(await expanded(encode, "srs_secrets = mysecret : old"), "SRS0=afd4=jk=example.com=joe@test.ex");
    assert.equal(await expanded(check, "srs_secrets = new : mysecret"), "joe@example.com");
    assert.equal(await expanded(check, "srs_secrets = new : other"), "no");
    assert.equal(await expanded(encode, "srs_secrets = <; ${lc:MYSECRET} ; x"), "SRS0=afd4=jk=example.com=joe@test.ex");
  });

  test("without any, the expansion fails", async () => {
    await assert.rejects(expanded(encode, ""), { name: "ExpansionFailure", message: "srs_secrets has no secret" });
  });
});
