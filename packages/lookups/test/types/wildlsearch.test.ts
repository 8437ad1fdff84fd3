import assert from "node:assert/strict";
import { test } from "node:test";
import type { LookupScope } from "../../src/lookup.ts";
import { dataOf, newScope, temporaryFiles } from "../lookup-in-file.ts";

/** Enough of string lists for these tests; the real ones are the policy's. */
function matches(subject: string, item: string): boolean {
  if (item.startsWith("!")) return !matches(subject, item.slice(1));
  if (item.startsWith("^")) return new RegExp(item, "i").test(subject);
  const [wanted, key] = [item.toLowerCase(), subject.toLowerCase()];
  return wanted.startsWith("*") ? key.endsWith(wanted.slice(1)) : key === wanted;
}
const sync: Omit<LookupScope, "cache"> = {
  matchStringItem: matches,
  expandKey: (text) => text.replace(/\\(.)/g, "$1").replace("$primary_hostname", "this.test"),
};
const later: Omit<LookupScope, "cache"> = {
  matchStringItem: async (subject, item) => matches(subject, item),
  expandKey: async (text) => text.replace(/\\(.)/g, "$1").replace("$primary_hostname", "this.test"),
};

const FILE = String.raw`plain: p
*.suffix: s
"^re\\d+$": r1
^n\d+$ r2
"^a:b": r4
$primary_hostname: ph
"^esc\\\\d": re
last: l
`;

/** Source of the data: `exim -be` (4.96, 4.100); the first form expands keys, and so eats a backslash. */
const rows: readonly (readonly [string, string, string | undefined])[] = [
  ["nwildlsearch", "PLAIN", "p"],
  ["wildlsearch", "plain", "p"],
  ["nwildlsearch", "x.suffix", "s"],
  ["nwildlsearch,ret=full", "x.suffix", "*.suffix: s"],
  ["nwildlsearch,ret=key", "X.suffix", "X.suffix"],
  ["nwildlsearch", "suffix", undefined],
  ["nwildlsearch", "re12", "r1"],
  ["wildlsearch", "re12", undefined],
  ["nwildlsearch", "n7", "r2"],
  ["nwildlsearch", "a:bc", "r4"],
  ["nwildlsearch", "this.test", undefined],
  ["wildlsearch", "this.test", "ph"],
  ["wildlsearch", "esc5", "re"],
  ["nwildlsearch", "last", "l"],
  ["nwildlsearch*", "none", undefined],
];

test("keys of the file are patterns", async () => {
  const filler = Array.from({ length: 40_000 }, (_, i) => `filler${i}.example.org: value of ${i}\n`).join("");
  const files = await temporaryFiles({ small: FILE, large: FILE.replace("last: l\n", `${filler}last: l\n`) });
  for (const [type, key, data] of rows) {
    for (const functions of [sync, later]) {
      const file = `${files.directory}/small`;
      assert.equal(await dataOf(type, key, { file, scope: newScope(functions) }), data, `${type} ${key}`);
    }
    const file = `${files.directory}/large`;
    assert.equal(await dataOf(type, key, { file, scope: newScope(sync) }), data, `${type} ${key}, large`);
  }
  await files.remove();
});

test("many patterns do not keep the process from other work", async () => {
  const files = await temporaryFiles({ table: Array.from({ length: 100 }, (_, i) => `"^x${i}": ${i}\n`).join("") });
  const slow = (subject: string, item: string): boolean => {
    const until = performance.now() + 1;
    while (performance.now() < until);
    return matches(subject, item);
  };
  let turns = 0;
  const clock = setInterval(() => turns++, 1);
  const scope = newScope({ matchStringItem: slow });
  assert.equal(await dataOf("nwildlsearch", "none", { file: `${files.directory}/table`, scope }), undefined);
  clearInterval(clock);
  assert.ok(turns > 1, `others had ${turns} turns`);
  await files.remove();
});

test("without the policy's functions patterns are a deferral, not a wrong answer", async () => {
  const files = await temporaryFiles({ table: FILE });
  const answer = await dataOf("nwildlsearch", "plain", { file: `${files.directory}/table` });
  assert.match(answer ?? "", /patterns cannot be matched here/);
  await files.remove();
});
