import assert from "node:assert/strict";
import { test } from "node:test";
import { dataOf, temporaryFiles } from "../lookup-in-file.ts";

const FILE = String.raw`multi: one
  two  
	 three
# comment
  four

k2:
  v2
k3 :v3
k4  v4
"k 6":v6
"k\t8": v8
"k\x399" : v9
  notkey: x
#hash: y
"#q": z
k11 : : d
K12: up
k12: low
ws: a
   
  b
q1"x: zz
"open: v
"ab"cd: e
nokey
last: end`;

/** Source of the data: `exim -be` (4.96, 4.100). */
const rows: readonly { readonly key: string; readonly type?: string; readonly data: string | undefined }[] = [
  { key: "multi", data: "one two three" },
  { key: "multi", type: "lsearch,ret=full", data: "multi: one two three" },
  { key: "MULTI", type: "lsearch,ret=key", data: "MULTI" },
  { key: "k2", data: " v2" },
  { key: "k3", data: "v3" },
  { key: "k3", type: "lsearch,ret=full", data: "k3 :v3" },
  { key: "k4", data: "v4" },
  { key: "k 6", data: "v6" },
  { key: "k 6", type: "lsearch,ret=full", data: "k 6:v6" },
  { key: "k\t8", data: "v8" },
  { key: "k99", data: "v9 notkey: x" },
  { key: "notkey", data: undefined },
  { key: "#hash", data: undefined },
  { key: "#q", data: "z" },
  { key: "k11", data: ": d" },
  { key: "k12", data: "up" },
  { key: "ws", data: "a" },
  { key: 'q1"x', data: "zz" },
  { key: "open: v", data: "" },
  { key: "ab", data: "cd: e" },
  { key: "ab", type: "lsearch,ret=full", data: "abcd: e" },
  { key: '"ab"cd', data: undefined },
  { key: "nokey", data: "" },
  { key: "last", data: "end" },
  { key: "", data: undefined },
];

for (const { key, type = "lsearch", data } of rows) {
  test(`${type} finds ${JSON.stringify(data)} for ${JSON.stringify(key)}`, async () => {
    const files = await temporaryFiles({ table: FILE });
    assert.equal(await dataOf(type, key, { file: `${files.directory}/table` }), data);
    await files.remove();
  });
}

test("a file larger than what is kept in memory gives the same answers", async () => {
  const filler = Array.from({ length: 60_000 }, (_, i) => `filler${i}.example.org: value of ${i}\n`).join("");
  const files = await temporaryFiles({ table: `${FILE}\n${filler}${FILE.replaceAll("one", "later")}` });
  const file = `${files.directory}/table`;
  for (const { key, type = "lsearch", data } of rows) assert.equal(await dataOf(type, key, { file }), data, key);
  assert.equal(await dataOf("lsearch", "FILLER59999.example.org", { file }), "value of 59999");
  assert.equal(await dataOf("lsearch", "filler60000.example.org", { file }), undefined);
  await files.remove();
});

test("lines far longer than a chunk are skipped, or read when they are asked for", async () => {
  const long = "x".repeat(700_000);
  const huge = "y".repeat(1_200_000);
  const files = await temporaryFiles({
    table: `before: 1\nlong: ${long}\n${huge}\nhuge: ${huge}\n${huge}: a\nafter: 2\n`,
  });
  const file = `${files.directory}/table`;
  assert.equal(await dataOf("lsearch", "before", { file }), "1");
  assert.equal(await dataOf("lsearch", "long", { file }), long);
  assert.match((await dataOf("lsearch", "huge", { file })) ?? "", /an entry has more than 1048576 octets/);
  assert.equal(await dataOf("lsearch", "after", { file }), "2");
  await files.remove();
});

test("case is that of ASCII letters only", async () => {
  const files = await temporaryFiles({ table: "\xc4b: 1\n" });
  const file = `${files.directory}/table`;
  assert.equal(await dataOf("lsearch", "\xc4B", { file }), "1");
  assert.equal(await dataOf("lsearch", "\xe4b", { file }), undefined);
  await files.remove();
});

test("what cannot be opened is Exim's message, standing for itself", async () => {
  const files = await temporaryFiles({});
  const missing = `${files.directory}/none`;
  assert.equal(
    await dataOf("lsearch", "k", { file: missing }),
    `Failed: failed to open ${missing} for linear search: No such file or directory`,
  );
  assert.equal(
    await dataOf("lsearch", "k", { file: files.directory }),
    `Failed: ${files.directory} is not a regular file (lsearch lookup)`,
  );
  assert.equal(
    await dataOf("lsearch", "k", { file: "relative" }),
    "Failed: failed to open relative for linear search: No such file or directory",
  );
  await files.remove();
});
