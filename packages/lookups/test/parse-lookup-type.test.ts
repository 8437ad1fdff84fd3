import assert from "node:assert/strict";
import { test } from "node:test";
import { LookupSyntaxError } from "../src/lookup-syntax-error.ts";
import { parseLookupType } from "../src/parse-lookup-type.ts";

const rows: readonly (readonly [string, string])[] = [
  ["lsearch", "lsearch"],
  ["lsearch*", "lsearch default *"],
  ["lsearch*@", "lsearch default *@"],
  ["lsearch**", "lsearch default *"],
  ["lsearch*@x", "lsearch default *@"],
  ["partial-lsearch", 'lsearch partial 2 "*."'],
  ["partial1-lsearch*", 'lsearch partial 1 "*." default *'],
  ["partial12-lsearch", 'lsearch partial 12 "*."'],
  ["partial(.)lsearch", 'lsearch partial 2 "."'],
  ["partial3(+.)lsearch", 'lsearch partial 3 "+."'],
  ["partial0()lsearch", 'lsearch partial 0 ""'],
  ["lsearch,ret=key", 'lsearch options {"ret":"key"}'],
  ["lsearch,", "lsearch"],
  ["dsearch,ret=full,filter=subdir,key=path", 'dsearch options {"ret":"full","filter":"subdir","key":"path"}'],
  ["dsearch,filter=other,x", "dsearch"],
  ["lsearch*,cache=no_rd", 'lsearch default * options {"cache":"no_rd"}'],
  ["pgsql,servers=a::1:b/c/d/e,ret=key", 'pgsql options {"servers":"a::1:b/c/d/e","ret":"key"}'],
  ["sqlite,file=/a b*", 'sqlite options {"file":"/a b*"}'],
];

function shown(text: string): string {
  const { type, partial, defaults, options } = parseLookupType(text);
  const { text: _, ...known } = options;
  return [
    type.name,
    ...(partial === undefined ? [] : [`partial ${partial.minimum} ${JSON.stringify(partial.affix)}`]),
    ...(defaults === undefined ? [] : [`default ${defaults}`]),
    ...(Object.keys(known).length === 0 ? [] : [`options ${JSON.stringify(known)}`]),
  ].join(" ");
}

for (const [text, expected] of rows) {
  test(`${text} is ${expected}`, () => assert.equal(shown(text), expected));
}

/** Source of the texts: `exim -be` (4.96, 4.100). */
const wrong: readonly (readonly [string, "single-key" | "query" | undefined, string])[] = [
  ["foo", undefined, 'unknown lookup type "foo"'],
  ["LSEARCH", undefined, 'unknown lookup type "LSEARCH"'],
  ["foo,servers=x", undefined, 'unknown lookup type "foo"'],
  ["partial2-foo*,servers=x", undefined, 'unknown lookup type "foo"'],
  ["partial3(.+)-lsearch", undefined, 'unknown lookup type "-lsearch"'],
  ["partial(a)lsearch", undefined, 'format error in lookup type "partial(a)lsearch"'],
  ["partiallsearch", undefined, 'format error in lookup type "partiallsearch"'],
  ["partial(-lsearch", undefined, 'format error in lookup type "partial(-lsearch"'],
  ["partial2-mysql,servers=x", undefined, '"partial" is not permitted for lookup type "mysql,servers=x"'],
  ["mysql*,servers=x", "query", 'defaults using "*" or "*@" are not permitted for lookup type "mysql*,servers=x"'],
  ["lsearch,ret=key", "query", 'missing {key} for single-key "lsearch,ret=key" lookup'],
  [
    "mysql,servers=x",
    "single-key",
    'a single key was given for lookup type "mysql,servers=x", which is not a single-key lookup type',
  ],
];
for (const [text, form, message] of wrong) {
  test(`${text} is refused: ${message}`, () => {
    assert.throws(
      () => parseLookupType(text, form),
      (err) => err instanceof LookupSyntaxError && err.message === message,
    );
  });
}
