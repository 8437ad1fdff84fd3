import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compileRegex, RegexError, RegexLimitError } from "../src/index.ts";

const octets = (maxLength: number) =>
  fc.uint8Array({ maxLength }).map((array) => Buffer.from(array).toString("latin1"));

/** Pattern, subject, groups of the match. Source: pcre2pattern(3), and `exim -be` for the lines marked so. */
const matches: [pattern: string, subject: string, groups: (string | undefined)[] | undefined][] = [
  ["^abc", "abcd", ["abc"]],
  ["(a)|(b)", "b", ["b", undefined, "b"]],
  ["(?i)abc", "xABC", ["ABC"]],
  ["(?i)a(?-i)b", "Ab", ["Ab"]],
  ["(?s)a.b", "a\nb", ["a\nb"]],
  ["a.b", "a\nb", undefined],
  ["a.b", "a\rb", ["a\rb"]],
  ["(?m)^b$", "a\nb\nc", ["b"]],
  ["^b", "a\nb", undefined],
  ["a$", "a\n", ["a"]],
  ["a\\z", "a\n", undefined],
  ["(?x) a b # end", "ab", ["ab"]],
  ["a++b", "aab", ["aab"]],
  ["(?>a+)ab", "aab", undefined],
  ["(?<=ab)c", "abc", ["c"]],
  ["(?<!ab)c", "abc", undefined],
  ["foo\\Kbar", "foobar", ["bar"]],
  ["(?<n>a)\\k<n>", "aa", ["aa", "a"]],
  ["(?P<n>a)(?P=n)", "aa", ["aa", "a"]],
  ["(?|a(.)|b(.))", "bc", ["bc", "c"]],
  ["(a)?(?(1)b|c)", "ab", ["ab", "a"]],
  ["\\((?:[^()]|(?R))*\\)", "x(a(b)c)", ["(a(b)c)"]],
  ["\\Qa.b\\E", "axb a.b", ["a.b"]],
  ["[[:alpha:]]+", "12ab", ["ab"]],
  ["\\h+", "a \tb", [" \t"]],
  ["\\R", "a\r\nb", ["\r\n"]],
  ["\\x41\\x{42}\\103", "ABC", ["ABC"]],
  ["\\w+", "caf\xe9", ["caf"]],
  ["caf.$", "caf\xe9", ["caf\xe9"]],
  ["(*UTF)caf.$", "caf\xc3\xa9", ["caf\xc3\xa9"]],
  ["(*UTF)caf.$", "caf\xe9", undefined],
  ["a\0b", "xa\0b", ["a\0b"]],
  ["", "abc", [""]],
];

for (const [pattern, subject, groups] of matches) {
  test(`/${pattern}/ on ${JSON.stringify(subject)}`, () => {
    assert.deepEqual(compileRegex(pattern).exec(subject)?.groups, groups);
  });
}

test("a match tells where it is", () => {
  assert.deepEqual(compileRegex("b(c)").exec("abcd"), { index: 1, end: 3, groups: ["bc", "c"] });
});

test("a match that begins later sees what stands before it", () => {
  const regex = compileRegex("(?<=a)b|^c");
  assert.equal(regex.exec("ab", 1)?.index, 1);
  assert.equal(regex.exec("xc", 1), undefined);
});

test("the option makes a pattern caseless, and (?-i) takes it back", () => {
  assert.equal(compileRegex("^a(?-i)b", { caseless: true }).exec("Ab")?.end, 2);
  assert.equal(compileRegex("^a(?-i)b", { caseless: true }).exec("AB"), undefined);
  assert.equal(compileRegex("\xe9", { caseless: true }).exec("\xc9"), undefined, "letters are ASCII's");
});

test("global matching tries a match that is not empty behind an empty one", () => {
  // exim -be '${sg{abxb}{x*}{<\$0>}}' gives <>a<>b<x><>b<>
  const found = [...compileRegex("x*").matchAll("abxb")].map(({ index, groups }) => [index, groups[0]]);
  assert.deepEqual(found, [
    [0, ""],
    [1, ""],
    [2, "x"],
    [3, ""],
    [4, ""],
  ]);
});

/** Source of the texts: `exim -be '${if match{}{…}}'`. */
const errors: [pattern: string, reason: string, offset: number][] = [
  ["*", "quantifier does not follow a repeatable item", 0],
  ["(a", "missing closing parenthesis", 2],
  ["a)", "unmatched closing parenthesis", 1],
  ["[a", "missing terminating ] for character class", 2],
  ["\\", "\\ at end of pattern", 1],
  ["(?<=a+)b", "lookbehind assertion is not fixed length", 0],
  ["\\1", "reference to non-existent subpattern", 1],
  ["(".repeat(300), "parentheses are too deeply nested", 251],
];

for (const [pattern, reason, offset] of errors) {
  test(`${pattern.slice(0, 20)} is refused: ${reason}`, () => {
    const text = `regular expression error in "${pattern}": ${reason} at offset ${offset}`;
    assert.throws(() => compileRegex(pattern), { name: "RegexError", message: text, reason, offset });
  });
}

/** What would take seconds to years, or hundreds of megabytes. */
const hostile: [pattern: string, subject: string][] = [
  ["(a+)+$", `${"a".repeat(30)}!`],
  ["(a|a)*b|c$", `${"a".repeat(40)}`],
  ["(?:a?){30}a{30}$|(x+x+)+y", "x".repeat(60)],
  ["a*[bc]", "a".repeat(100_000)],
  ["^(?:.*,){20}[xy]", ",".repeat(200)],
  ["(.*)\\1{3}[xy]", "ab".repeat(2000)],
  ["(?:a|b)*[cd]", "ab".repeat(500_000)],
  ["(?:(?:a|b)*?){2}[cd]", "ab".repeat(500_000)],
  [`${"()".repeat(2000)}(?:(?:a|b)+)+[xy]`, "ab".repeat(50)],
  ["(?=(a+))*(?:(?1)|a)*[bc]", "a".repeat(10_000)],
  ["^(a(?1)?a?|b)+$", `${"a".repeat(100)}c`],
];

for (const [pattern, subject] of hostile) {
  test(`/${pattern.slice(-40)}/ on ${subject.length} octets is given up in time`, () => {
    const before = process.threadCpuUsage();
    assert.throws(() => compileRegex(pattern).exec(subject), RegexLimitError);
    const tookMs = process.threadCpuUsage(before).user / 1_000;
    assert.ok(tookMs < 2_000, `${tookMs} ms of the processor; 20 are usual, the rest is for a slow machine`);
  });
}

test("a subject or a pattern that is too long is refused", () => {
  assert.throws(() => compileRegex("a").exec("a".repeat(4 * 1024 * 1024 + 1)), RegexLimitError);
  assert.throws(() => compileRegex("a".repeat(65_537)), RegexLimitError);
  assert.equal(compileRegex("^a").exec("a".repeat(4 * 1024 * 1024))?.end, 1);
});

test("all matches of one subject share the steps of one", () => {
  const regex = compileRegex("(?=.{1000}).");
  assert.throws(() => [...regex.matchAll("a".repeat(1_000_000))], RegexLimitError);
  const manyGroups = compileRegex(`a${"()".repeat(1000)}`);
  assert.throws(() => [...manyGroups.matchAll("a".repeat(10_000))], RegexLimitError);
});

test("patterns live on when one of them has used up the engine", () => {
  const regex = compileRegex("^(b+)$");
  for (let round = 0; round < 3; round++) {
    assert.equal(regex.exec("bbb")?.groups[1], "bbb");
    assert.throws(() => compileRegex("(a+)+$").exec(`${"a".repeat(30)}!`), RegexLimitError);
  }
  assert.equal(regex.exec("bbb")?.groups[1], "bbb");
});

test("another pattern may be matched between two matches of a series", () => {
  const found = [];
  for (const { groups } of compileRegex("(\\w)=(\\w)").matchAll("a=b c=d")) {
    assert.equal(compileRegex("x(.)").exec(`x${groups[1]}`)?.groups[1], groups[1]);
    assert.throws(() => compileRegex("(a+)+$").exec(`${"a".repeat(30)}!`), RegexLimitError);
    found.push(groups[2]);
  }
  assert.deepEqual(found, ["b", "d"]);
});

test("any number of patterns takes bounded memory", () => {
  const first = compileRegex("^first$");
  const before = process.memoryUsage().rss;
  for (let i = 0; i < 60_000; i++) compileRegex(`^(?:pattern|number|${i})+[a-z]{2}$`);
  assert.equal(first.exec("first")?.index, 0);
  const grownMib = (process.memoryUsage().rss - before) / 1024 / 1024;
  assert.ok(grownMib < 200, `${grownMib} MiB more`);
});

test("patterns and subjects of any octets end in a match, none, or our own errors", () => {
  const nearPattern = fc.oneof(
    octets(40),
    fc.string({ unit: fc.constantFrom(..."ab()[]{}*+?|\\^$.<>=!:PRkQE-,129"), maxLength: 40 }),
  );
  fc.assert(
    fc.property(nearPattern, octets(200), (pattern, subject) => {
      try {
        const match = compileRegex(pattern).exec(subject);
        if (match !== undefined) assert.equal(match.groups[0], subject.slice(match.index, match.end));
      } catch (err) {
        assert.ok(err instanceof RegexError || err instanceof RegexLimitError, String(err));
      }
    }),
    { numRuns: 3000 },
  );
});

test("the same search costs the same steps, whatever the clock says", () => {
  const regex = compileRegex("(a|b)*c");
  const costs = ["abab".repeat(10), "abab".repeat(100), "abab".repeat(10)].map((subject) => {
    regex.exec(subject);
    return regex.stepsTaken;
  });
  assert.equal(costs[0], costs[2]);
  assert.ok((costs[1] ?? 0) > (costs[0] ?? 0), String(costs));
});
