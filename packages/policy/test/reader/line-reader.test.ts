import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { formatProblem } from "../../src/reader/problem.ts";
import { readConfiguration } from "../../src/reader/read-configuration.ts";
import { readText, type TestSource } from "./read-text.ts";

/** What `smtp_banner` is when all is read; values as `exim -bP smtp_banner` prints them (4.98). */
const banners: readonly (TestSource & { readonly name: string; readonly want: string | undefined })[] = [
  { name: "blank lines and comments are nothing", text: "\n  # x\n smtp_banner = b  \n", want: "b" },
  { name: "a line is continued without the next one's leading blanks", text: "smtp_banner = a \\\n   b", want: "a b" },
  { name: "blanks behind the backslash do not count", text: "smtp_banner = a \\  \n   b", want: "a b" },
  { name: "a comment between the pieces is dropped", text: "smtp_banner = a\\\n # no\\\n  c", want: "ac" },
  { name: "an empty line ends a continuation", text: "smtp_banner = a\\\n\nprdr_enable", want: "a" },
  { name: "a comment sign elsewhere is data", text: "smtp_banner = a # b", want: "a # b" },
  { name: "CRLF line ends are line ends", text: "smtp_banner = a\r\nprdr_enable\r\n", want: "a" },
  { name: "the end of the file ends a continuation", text: "smtp_banner = a\\", want: "a" },
  { name: "a backslash before the last one stays", text: "smtp_banner = a\\\\\n b", want: "a\\b" },
  { name: "octets above 127 are not blanks", text: "smtp_banner = voil\xc3\xa0\n", want: "voil\xc3\xa0" },
  { name: "blanks around the sign do not count", text: "\tsmtp_banner\t=\ta\t", want: "a" },

  { name: "a macro is replaced inside longer words", text: "FRUIT = fig\nsmtp_banner = xFRUITx", want: "xfigx" },
  { name: "a macro may be built from earlier ones", text: "A = 1\nBB = A2\nsmtp_banner = BB", want: "12" },
  { name: "what a macro puts in is seen by later ones", text: "A = BB\nBB = x\nsmtp_banner = A BB", want: "x x" },
  { name: "what a macro puts in is not seen by itself", text: "A = AA\nsmtp_banner = A A", want: "AA AA" },
  { name: "a dollar in a macro is no pattern", text: "A = $&$1\nsmtp_banner = A", want: "$&$1" },
  { name: "== redefines, from the old value if it likes", text: "A = 1\nA == A : 3\nsmtp_banner = A", want: "1 : 3" },
  {
    name: "the longer name first, then the shorter",
    text: "FRUITS = 1\nFRUIT = 2\nsmtp_banner = FRUITS FRUIT",
    want: "1 2",
  },
  { name: "a macro may bring a comment sign", text: "NO = #\nNO x\nsmtp_banner = 1", want: "1" },
  {
    name: "a macro may bring a directive, and is one in its line",
    text: "D = .ifdef A\nD\nsmtp_banner = 1\n.endif",
    want: "1",
  },
  { name: "a definition may be continued", text: "A = 1 \\\n  2\nsmtp_banner = A", want: "1 2" },
  { name: "an empty macro is replaced by nothing", text: "A =\nsmtp_banner = xAx", want: "xx" },
  { name: "a macro keeps its quotes", text: 'A = "a b"\nsmtp_banner = A', want: "a b" },
  { name: "a definition needs no blanks", text: "AB=x\nsmtp_banner = AB", want: "x" },
  { name: "no definition inside of a continued line", text: "A = 1\nsmtp_banner = \\\n A = x", want: "1 = x" },
  { name: "a macro from outside wins", text: "A = x\nA == y\nsmtp_banner = A", macros: { A: "z" }, want: "z" },
  { name: "predefined macros stand for y", text: "smtp_banner = _HAVE_TLS", want: "y" },
  { name: "a predefined macro is seen only if it comes first", text: "smtp_banner = A _HAVE_TLS", want: "A _HAVE_TLS" },
  {
    name: "there is a macro for each option",
    text: ".ifdef _OPT_MAIN_PRDR_ENABLE\nsmtp_banner = 1\n.endif",
    want: "1",
  },
  { name: "there is none for what we lack", text: ".ifndef _HAVE_PERL\nsmtp_banner = 1\n.endif", want: "1" },

  { name: ".ifdef of a macro that is not there", text: ".ifdef A\n?\n.endif\nsmtp_banner = 1", want: "1" },
  { name: ".ifdef of an empty macro is true", text: "A =\n.ifdef A\nsmtp_banner = 1\n.endif", want: "1" },
  { name: ".ifdef of two macros means either", text: "B = 1\n.ifdef A B\nsmtp_banner = 1\n.endif", want: "1" },
  { name: ".ifdef sees macros inside of words", text: "A = 1\n.ifdef xA\nsmtp_banner = 1\n.endif", want: "1" },
  { name: ".ifdef of nothing is false", text: ".ifdef\n?\n.else\nsmtp_banner = 1\n.endif", want: "1" },
  {
    name: "the first true branch only",
    text: "A = 1\n.ifndef A\n?\n.elifdef A\nsmtp_banner = 2\n.elifdef A\n?\n.else\n?\n.endif",
    want: "2",
  },
  { name: ".elifndef", text: ".ifdef A\n?\n.elifndef A\nsmtp_banner = 2\n.else\n?\n.endif", want: "2" },
  {
    name: "conditionals in a branch that is not read",
    text: ".ifdef A\n.ifdef B\n?\n.else\n?\n.endif\n?\n.else\nsmtp_banner = 1\n.endif",
    want: "1",
  },
  {
    name: "conditionals within a value",
    text: "smtp_banner = a\\\n.ifdef X\n b\\\n.else\n c\\\n.endif\n d",
    want: "acd",
  },
  { name: "a second .else reads nothing", text: ".ifndef A\nsmtp_banner = 1\n.else\n?\n.else\n?\n.endif", want: "1" },
  {
    name: "macros are not defined in a branch that is not read",
    text: ".ifdef B\nA = 1\n.endif\nsmtp_banner = A",
    want: "A",
  },

  { name: ".include, relative to the file", text: ".include sub/i", files: { "/sub/i": "smtp_banner = 1" }, want: "1" },
  {
    name: ".include relative to an included file",
    text: ".include sub/i",
    files: { "/sub/i": ".include j", "/sub/j": "smtp_banner = 1" },
    want: "1",
  },
  { name: ".include with quotes", text: '.include "/i"', files: { "/i": "smtp_banner = 1" }, want: "1" },
  { name: "macros in the name of a file", text: "F = i\n.include /F", files: { "/i": "smtp_banner = 1" }, want: "1" },
  { name: ".include_if_exists without the file", text: ".include_if_exists /i\nsmtp_banner = 1", want: "1" },
  { name: ".include_if_exists with it", text: ".include_if_exists /i", files: { "/i": "smtp_banner = 1" }, want: "1" },
  {
    name: "no file is included in a branch that is not read",
    text: ".ifdef A\n.include /i\n.endif\nsmtp_banner = 1",
    want: "1",
  },
  {
    name: "a value goes on in a file",
    text: "smtp_banner = 1\\\n.include /i\n c",
    files: { "/i": " b\\\n" },
    want: "1bc",
  },
  {
    name: "a conditional goes on in a file",
    text: ".ifdef A\n.include /i\n?\n.endif\n.ifndef A\n.include /i\nsmtp_banner = 1",
    files: { "/i": ".endif" },
    want: "1",
  },
];

/** Refused by Exim 4.98 as well, at the same line. */
const refused: readonly (TestSource & { readonly name: string; readonly problem: string })[] = [
  {
    name: "a macro is defined once",
    text: "A = 1\nA = 2",
    problem: '/c:2: macro "A" is already defined (use == to redefine it)',
  },
  {
    name: "== wants a macro that is there",
    text: "A == 1",
    problem: '/c:1: macro "A" is not defined: "==" redefines only',
  },
  {
    name: "a new macro must not contain an older one",
    text: "FRUIT = 1\nFRUITS = 2",
    problem: '/c:2: "FRUITS" cannot be a macro: the macro "FRUIT" is a substring of it (define the longer one first)',
  },
  {
    name: "nor one from outside",
    text: "AB = x\nsmtp_banner = A",
    macros: { A: "y" },
    problem: '/c:1: "AB" cannot be a macro: the macro "A" is a substring of it (define the longer one first)',
  },
  { name: "+= is not in the language", text: "A = 1\nA += 2", problem: "/c:2: option setting expected: 1 += 2" },
  { name: "a macro's name has letters, digits and _", text: "A-B = x", problem: "/c:1: malformed macro definition" },
  {
    name: "a macro's name is no longer than Exim's",
    text: `${"A".repeat(64)} = x`,
    problem: "/c:1: macro name longer than 63 characters",
  },
  { name: "predefined names are not to be defined", text: "_A = x", problem: "/c:1: option setting expected: _A = x" },
  { name: ".endif is missing", text: ".ifdef A\n", problem: "/c:1: end of the file: .endif is missing" },
  { name: ".endif without .ifdef", text: ".endif", problem: "/c:1: .endif without matching .ifdef" },
  { name: ".else without .ifdef", text: ".else", problem: "/c:1: .else without matching .ifdef" },
  { name: "directives are in lower case", text: ".IFDEF A", problem: "/c:1: option setting expected: .IFDEF A" },
  { name: "directives end at a blank", text: ".ifdefx", problem: "/c:1: option setting expected: .ifdefx" },
  { name: "an include that is not there", text: "\n.include /i", problem: "/c:2: /i: there is no such file" },
  {
    name: "includes that include themselves",
    text: ".include /c",
    problem: "/c:1: /c: more than 50 files included by each other",
  },
  {
    name: ".include_if_exists wants an absolute name",
    text: ".include_if_exists i",
    problem: '/c:1: .include_if_exists: "i" is not an absolute path',
  },
];

describe("lines, macros, conditionals and includes", () => {
  for (const { name, want, ...source } of banners) {
    test(name, () => {
      const { configuration, all } = readText(source);
      assert.deepEqual(all, []);
      assert.equal(configuration.main.get("smtp_banner"), want);
    });
  }
  for (const { name, problem, ...source } of refused) {
    test(name, () => assert.deepEqual(readText(source).all.slice(0, 1), [problem]));
  }

  test("each thing knows its first line, in the file where it stands", () => {
    const { configuration } = readText({
      text: "# x\n.include /i\nqualify_domain = \\\n x.test\n",
      files: { "/i": "\nsmtp_banner = 1" },
    });
    assert.deepEqual(configuration.main.setting("smtp_banner")?.place, { file: "/i", line: 2 });
    assert.deepEqual(configuration.main.setting("qualify_domain")?.place, { file: "/c", line: 3 });
  });

  test("the files that were read or looked for are known", () => {
    const { configuration } = readText({ text: ".include /i\n.include_if_exists /j", files: { "/i": "" } });
    assert.deepEqual(configuration.files, [
      { path: "/c", isThere: true },
      { path: "/i", isThere: true },
      { path: "/j", isThere: false },
    ]);
  });

  test("a macro given from outside and used nowhere is noticed", () => {
    assert.deepEqual(readText({ text: "", macros: { TYPO: "x" } }).of("notice"), [
      "/c: macro TYPO is given but not used",
    ]);
  });

  test("a configuration that is not there is a problem, not an exception", () => {
    const { problems } = readConfiguration({ file: "/nowhere", readFile: () => undefined });
    assert.deepEqual(problems.map(formatProblem), ["/nowhere: there is no such file"]);
  });

  test("a macro may be defined between the statements of an ACL", () => {
    const { configuration, all } = readText("begin acl\nx:\n LIMIT = 5\n deny ratelimit = LIMIT / 5s\n");
    assert.deepEqual(all, []);
    assert.equal(configuration.acls.get("x")?.statements[0]?.items[0]?.value, "5 / 5s");
  });
});

describe("bounds of reading", () => {
  test("macros that double a line end in a problem, not in memory", () => {
    const { of } = readText(`A = xxxxxxxxxxxxxxxx\n${"A == A A\n".repeat(60)}smtp_banner = A`);
    assert.match(
      of("error")[0] ?? "",
      /^\/c:\d+: the line is longer than 1048576 octets when the macro "A" is replaced/,
    );
  });

  test("files that include each other twice end in a problem", () => {
    const files = Object.fromEntries(
      Array.from({ length: 40 }, (_, i) => [`/f${i}`, `.include /f${i + 1}\n.include /f${i + 1}\n`]),
    );
    const { of } = readText({ text: ".include /f0", files: { ...files, "/f40": "prdr_enable" } });
    assert.match(of("error").join("\n"), /more than 1000 files are included/);
  });

  test("a file that includes itself is read no further than the first problem needs", () => {
    const { all } = readText(".include /c\n".repeat(1_000));
    assert.equal(all[0], "/c:1: /c: more than 50 files included by each other");
    // The other lines of the file itself, each refused at once.
    assert.equal(all.length, 1_000);
    assert.ok(all.every((problem, i) => problem.startsWith(`/c:${i + 1}: /c: more than `)));
  });

  test("what a long macro makes of many lines is bounded, all lines together", () => {
    const { of } = readText(`AA = ${"x".repeat(100_000)}\n${"smtp_banner = AA\n".repeat(600)}`);
    assert.match(of("error").at(-1) ?? "", /^\/c:601: replacing macros takes too long/);
    assert.match(of("error")[0] ?? "", /second time/);
  });
});
