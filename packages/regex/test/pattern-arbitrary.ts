import fc from "fast-check";

const words = (text: string) => text.trim().split(/\s+/);

/** Pieces that are sound wherever they stand. No line feeds: Exim's tester reads lines; no `\N`: it ends its quoting. */
const SOUND = [
  " ",
  ..."aAbBc1@-._:é^$",
  ...words(String.raw`\d \D \w \W \s \S \h \H \v \V \R \X \b \B \A \z \Z \G \K \t \e \. \- \@ \\ \x61 \x{62} \x4 \141`),
  ...words(String.raw`\o{143} \cA \Qa.b\E \E \p{L} \P{Lu} \p{Greek} \C (?R)?+ (?1)? \g{-1}? (b)\1 (?<m>a)\k<m>`),
  ...words(String.raw`[abc] [^a] [a-c1] []a] [^]a] [\d-] [\w.-] [-a] [a\]b] [\x61-\x63] [\Qa]\E] [[:alpha:]]`),
  ...words("[[:^digit:]] [[:upper:]1] [[:punct:]] [[:space:][:digit:]] [[:<:]] (?i) (?-i) (?s) (?x) (?xx) (?m) (?U)"),
  ...words("(?J) (?^) (?i-s) (?#c) (?C) (?C1) (*FAIL) (*F) (*ACCEPT) (*COMMIT) (*PRUNE) (*SKIP) (*THEN) (*MARK:a)"),
  ...words("(?(DEFINE)(?<d>b)) ab a|b a| |b"),
];

/** Pieces that often make the whole pattern unsound. */
const FRAGILE = [
  ...words(
    String.raw`\1 \2 \3 \g1 \g{-1} \g{+1} \k<n> \k{n} \k'm' \8 \u \L \Q \x{100} \p{Foo} (?n) (?z) (?0) (?2) (?-1)`,
  ),
  ...words(
    String.raw`(?+1) (?&n) (?P=n) (?P>n) (?&d) (*FOO) {2} {,2} [c-a] [] [a [[:foo:]] [:alpha:] [a-\d] ( ) [ ] * +`,
  ),
  ...words(String.raw`? { } | \ (? (*`),
];

const OPENINGS = words(`
  ( ( ( ( ( (?: (?: (?: (?i: (?-i: (?> (?> (?= (?! (?<n> (?P<n> (?'m' (?| (a)(?(1) (?(?=a) (?(R) (?x: (*atomic: (*pla:
  (?<= (?<! (*nlb: (?(1) (?(<n>)`);

const QUANTIFIERS = words("* + ? *? +? ?? *+ ++ ?+ {2} {1,2} {0,3}? {2,}+ {0} {,2} {a}");

const chance = (weight: number, arbitrary: fc.Arbitrary<string>) => ({ weight, arbitrary });
const joined = (...parts: fc.Arbitrary<string>[]) => fc.tuple(...parts).map((strings) => strings.join(""));
const oneOf = (strings: readonly string[]) => fc.constantFrom(...strings);

/** Small patterns of PCRE's language, one in three of them broken. */
export const pattern: fc.Arbitrary<string> = fc.letrec<{ whole: string; piece: string; item: string }>((tie) => ({
  whole: fc
    .array(tie("piece"), { minLength: 1, maxLength: 5, depthIdentifier: "nesting" })
    .map((pieces) => pieces.join("")),
  piece: fc.oneof(chance(6, tie("item")), chance(3, joined(tie("item"), oneOf(QUANTIFIERS)))),
  item: fc.oneof(
    { depthSize: "small", depthIdentifier: "nesting" },
    chance(20, oneOf(words(String.raw`a b c ab . [ab] \w \d (a) (b|a)`))),
    chance(20, oneOf(SOUND)),
    chance(20, joined(oneOf(OPENINGS), tie("whole"), fc.constant(")"))),
    chance(1, oneOf(FRAGILE)),
  ),
})).whole;

/** Short strings of the characters that the patterns speak of. */
export const subject: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: fc.constantFrom(..."aaabbbcA"), maxLength: 10 }),
  fc.string({ unit: fc.constantFrom(..."aAbBc1 @-._:éß\t\r"), maxLength: 14 }),
);
