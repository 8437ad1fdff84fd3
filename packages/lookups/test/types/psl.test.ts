import assert from "node:assert/strict";
import { test } from "node:test";
import { psl } from "../../src/types/psl.ts";
import { regdom } from "../../src/types/regdom.ts";
import { openedWith } from "./open-type.ts";

const FILE = `// comment
com
uk
co.uk
*.ck
!www.ck
公司.cn
cn
xn--55qx5d.hk
*.kawasaki.jp
!city.kawasaki.jp
jp
 lead
blah.test   trailing text
test
github.io
संगठन
`;

/** Source of the data: `exim -be` (4.100.1). */
const rows: [key: string, suffix: string | undefined, registered: string | undefined][] = [
  ["www.example.co.uk", "co.uk", "example.co.uk"],
  ["www.example.CO.UK", "co.uk", "example.co.uk"],
  ["co.uk", "uk", "co.uk"],
  ["uk", undefined, undefined],
  ["example.com", "com", "example.com"],
  ["com", undefined, undefined],
  ["a.b.ck", "b.ck", "a.b.ck"],
  ["b.ck", "b.ck", undefined],
  ["ck", undefined, undefined],
  ["www.ck", "ck", "www.ck"],
  ["a.www.ck", "ck", "www.ck"],
  ["a.b.www.ck", "ck", "www.ck"],
  ["x.公司.cn", "公司.cn", "x.公司.cn"],
  ["X.公司.CN", "公司.cn", "x.公司.cn"],
  ["x.xn--55qx5d.cn", "xn--55qx5d.cn", "x.xn--55qx5d.cn"],
  ["公司.cn", "cn", "公司.cn"],
  ["y.公司.hk", "公司.hk", "y.公司.hk"],
  ["nosuch", undefined, undefined],
  ["a.nosuch", undefined, undefined],
  ["example.com.", undefined, undefined],
  ["a.kawasaki.jp", "a.kawasaki.jp", undefined],
  ["b.a.kawasaki.jp", "a.kawasaki.jp", "b.a.kawasaki.jp"],
  ["city.kawasaki.jp", "kawasaki.jp", "city.kawasaki.jp"],
  ["x.city.kawasaki.jp", "kawasaki.jp", "city.kawasaki.jp"],
  ["x.lead", undefined, undefined],
  ["b.a.blah.test", "blah.test", "a.blah.test"],
  ["z.github.io", "github.io", "z.github.io"],
  ["a.संगठन", "संगठन", "a.संगठन"],
  ["x.io", undefined, undefined],
  ["a_b.com", "com", "a_b.com"],
  ["x y.com", "com", "x y.com"],
  ["1.2.3.4", undefined, undefined],
];

const octets = (text: string): string => Buffer.from(text, "utf8").toString("latin1");
const octetsOrNone = (text: string | undefined) => (text === undefined ? undefined : octets(text));

for (const [key, suffix, registered] of rows) {
  test(`${key}: suffix ${suffix}, registered ${registered}`, async () => {
    await using suffixes = await openedWith(psl, FILE);
    await using domains = await openedWith(regdom, FILE);
    assert.equal(await suffixes.get(octets(key)), octetsOrNone(suffix));
    assert.equal(await domains.get(octets(key)), octetsOrNone(registered));
  });
}

test("any octets are looked up without an error", async () => {
  await using file = await openedWith(regdom, FILE);
  for (const key of ["", ".", "..", "\xff.com", "a".repeat(100_000), "a.".repeat(100_000), "\xe5\x85.uk"]) {
    await file.get(key);
  }
});
