import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Answer, RecordData, RecordType, Resolver } from "@postbus/dns";
import { DeferError } from "@postbus/mail";
import { createEvaluation } from "../../src/expansion/create-evaluation.ts";
import { defaultLanguageSettings, type Evaluation } from "../../src/expansion/evaluation.ts";
import { Tainted, textOf } from "../../src/expansion/value.ts";
import { compileList } from "../../src/matching/compile-list.ts";
import type { ListKind } from "../../src/matching/list-kind.ts";
import { NamedLists } from "../../src/matching/named-lists.ts";

const zone: Readonly<Record<string, readonly unknown[]>> = {
  "A host.example": ["192.0.2.1"],
  "AAAA six.example": ["2001:db8::1"],
  "PTR 1.2.0.192.in-addr.arpa": ["host.example"],
  // A name that does not lead back.
  "PTR 2.2.0.192.in-addr.arpa": ["host.example"],
  "MX ours.example": [
    { preference: 10, exchange: "mail.example" },
    { preference: 20, exchange: "other.example" },
  ],
  "MX backup.example": [
    { preference: 20, exchange: "here.example" },
    { preference: 10, exchange: "other.example" },
  ],
  "A here.example": ["192.0.2.99"],
};

/** A DNS of a few names; everything below `down.example` does not answer. */
const resolver: Resolver = {
  async resolve<T extends RecordType>(name: string, type: T): Promise<Answer<T>> {
    if (name.endsWith("down.example")) throw new DeferError("dns", "no answer");
    const records = zone[`${type} ${name}`] as readonly RecordData[T][] | undefined;
    const common = { authenticated: false, ttlSeconds: 60 };
    return records === undefined ? { state: "no such name", ...common } : { state: "found", records, name, ...common };
  },
};

const lists = new NamedLists([
  { kind: "domain", name: "ours", text: "a.example : *.b.example : !c.example" },
  { kind: "domain", name: "both", text: "+ours : d.example" },
  { kind: "domain", name: "loop", text: "+loop" },
  { kind: "host", name: "lan", text: "10.0.0.0/8 : <never> : !192.0.2.0/24" },
  { kind: "localpart", name: "staff", text: "root : ^admin" },
]);

function evaluation(variables: Readonly<Record<string, string | Tainted>> = {}): Evaluation {
  return createEvaluation({
    variables: { get: (name) => variables[name] },
    lists,
    resolver,
    settings: {
      ...defaultLanguageSettings,
      primaryHostname: "mail.example",
      localAddresses: ["127.0.0.1", "192.0.2.99"],
    },
    now: Date.now,
    random: () => 0,
    environment: {},
  });
}

/** `yes`, `yes <data>`, `no`, or `defer`. */
async function ask(kind: ListKind, text: string, subject: string, given: Evaluation = evaluation()): Promise<string> {
  try {
    const matched = await compileList(kind, text).match(given, subject);
    if (matched === undefined) return "no";
    return matched.data === undefined ? "yes" : `yes ${textOf(matched.data)}`;
  } catch (error) {
    if (!(error instanceof DeferError)) throw error;
    return "defer";
  }
}

/** Rules of Exim's chapter "Domain, host, address, and local part lists"; answers by `exim -be` where it can be asked. */
const cases: readonly (readonly [ListKind, string, string, string])[] = [
  ["domain", "a.example : b.example", "B.example", "yes b.example"],
  ["domain", "*.b.example", "x.b.example", "yes *.b.example"],
  ["domain", "*.b.example", "b.example", "no"],
  ["domain", "*b.example", "xb.example", "yes *b.example"],
  ["domain", "!a.example : *", "a.example", "no"],
  ["domain", "!a.example", "b.example", "yes"],
  ["domain", "a : !b", "c", "yes"],
  ["domain", "^x+\\\\.", "XX.example", "yes ^x+\\."],
  ["domain", "^(?-i)x", "X", "no"],
  ["domain", "@", "MAIL.example", "yes mail.example"],
  ["domain", "@[]", "[192.0.2.99]", "yes @[]"],
  ["domain", "@[]", "[192.0.2.98]", "no"],
  ["domain", "+ours", "c.example", "no"],
  ["domain", "+both", "x.b.example", "yes *.b.example"],
  ["domain", "!+ours", "a.example", "no"],
  ["domain", "+nosuch", "a.example", "defer"],
  ["domain", "a.example : +nosuch", "a.example", "yes a.example"],
  ["domain", "+loop", "a.example", "defer"],
  ["domain", "*", "", "yes *"],
  ["domain", ":", "", "yes "],
  ["domain", "", "", "no"],
  ["domain", "<; a:b ; c", "a:b", "yes a:b"],
  ["domain", "@mx_any", "ours.example", "yes @mx_any"],
  ["domain", "@mx_primary", "ours.example", "yes @mx_primary"],
  ["domain", "@mx_secondary", "ours.example", "no"],
  ["domain", "@mx_secondary", "backup.example", "yes @mx_secondary"],
  ["domain", "@mx_primary", "backup.example", "no"],
  ["domain", "@mx_any/ignore=192.0.2.0/24", "backup.example", "no"],
  ["domain", "@mx_any", "x.down.example", "defer"],
  ["domain", "nosuch;/x", "a", "defer"],
  ["domain", "lsearch;/nowhere", "a", "defer"],
  ["localpart", "root", "ROOT", "yes root"],
  ["localpart", "+caseful : root", "ROOT", "no"],
  ["localpart", "x* : *x", "ax", "yes *x"],
  ["localpart", "+staff", "Administrator", "yes ^admin"],
  ["address", "ann@a.example", "Ann@A.example", "yes ann@a.example"],
  ["address", "a.example", "x@a.example", "yes @a.example"],
  ["address", "*@+ours", "x@a.example", "yes *@a.example"],
  ["address", "*n@a.example", "ann@a.example", "yes *n@a.example"],
  ["address", "x@@", "x@mail.example", "yes x@mail.example"],
  ["address", "^ann@", "ANN@b", "yes"],
  ["address", "+caseful : ann@a.example", "Ann@a.example", "no"],
  ["address", "+caseful : ann@A.example", "ann@a.example", "yes ann@A.example"],
  ["address", "*", "", "no"],
  ["address", ":", "", "yes"],
  ["address", "*", "a@b", "yes @*"],
  ["address", "a", "a", "no"],
  ["host", "192.0.2.1", "192.0.2.1", "yes"],
  ["host", "192.0.2.0/24", "::ffff:192.0.2.7", "yes"],
  ["host", "<; ::ffff:192.0.2.7", "192.0.2.7", "no"],
  ["host", "<; 2001:db8::/32 ; ::1", "2001:0db8:0::5", "yes"],
  ["host", "*", "", "yes"],
  ["host", ":", "", "yes"],
  ["host", ":", "192.0.2.1", "no"],
  ["host", "192.0.2.1", "", "no"],
  ["host", "@[]", "192.0.2.99", "yes"],
  ["host", "host.example", "192.0.2.1", "yes"],
  ["host", "six.example", "2001:db8::1", "yes"],
  ["host", "nosuch.example : 192.0.2.1", "192.0.2.1", "no"],
  ["host", "192.0.2.1 : nosuch.example", "192.0.2.1", "yes"],
  ["host", "+ignore_unknown : nosuch.example : 192.0.2.1", "192.0.2.1", "yes"],
  ["host", "+include_unknown : nosuch.example", "192.0.2.1", "yes"],
  ["host", "x.down.example : 192.0.2.1", "192.0.2.1", "defer"],
  ["host", "+ignore_defer : x.down.example : 192.0.2.1", "192.0.2.1", "yes"],
  ["host", "+include_defer : x.down.example", "192.0.2.1", "yes"],
  ["host", "*.example", "192.0.2.1", "yes"],
  ["host", "^host", "192.0.2.1", "yes"],
  ["host", "*.example", "192.0.2.2", "no"],
  ["host", "10.1/8 : 10.0.0.1", "10.0.0.1", "no"],
  ["host", "+lan", "10.1.2.3", "yes"],
  ["host", "+lan", "192.0.2.7", "no"],
];

for (const [kind, text, subject, wanted] of cases) {
  test(`${kind} list "${text}": "${subject}" ${wanted}`, async () =>
    assert.equal(await ask(kind, text, subject), wanted));
}

test("captures: the subject, and what a star or the groups of a pattern stood for", async () => {
  const captures = async (text: string, subject: string): Promise<unknown> =>
    (await compileList("domain", text).match(evaluation(), subject))?.captures?.map(textOf);
  assert.deepEqual(await captures("*.D", "ABC.d"), ["abc.d", "abc"]);
  assert.deepEqual(await captures("^a(.)(x)?", "abc"), ["abc", "b", ""]);
  assert.deepEqual(await captures("abc", "ABC"), ["abc"]);
});

test("a list with variables is expanded at each use; the subject stands in for $domain", async () => {
  assert.equal(await ask("domain", "$acl_m_x : b", "c", evaluation({ acl_m_x: "a:c" })), "yes c");
  assert.equal(await ask("domain", `\${if eq{$domain}{c}{c}{x}}`, "c"), "yes c");
  assert.equal(await ask("domain", `\${if eq{1}{2}{c}fail}`, "c"), "no");
  assert.equal(await ask("domain", `\${eval:x}`, "c"), "defer");
});

test("a list that comes from a peer names no file and chooses no separator", async () => {
  assert.equal(
    await ask("domain", "$acl_m_x", "c", evaluation({ acl_m_x: new Tainted("lsearch;/etc/passwd") })),
    "defer",
  );
  assert.equal(await ask("domain", "$acl_m_x", "c", evaluation({ acl_m_x: new Tainted("/etc/passwd") })), "defer");
  assert.equal(await ask("domain", "$acl_m_x", "c", evaluation({ acl_m_x: new Tainted("<, a,c") })), "no");
  assert.equal(await ask("domain", "$acl_m_x", "c", evaluation({ acl_m_x: new Tainted("c") })), "yes c");
});

test("a file of items: one a line, with comments; a missing one defers", async () => {
  const directory = mkdtempSync(join(tmpdir(), "postbus-lists-"));
  try {
    const file = join(directory, "items");
    writeFileSync(file, "# all\na.example # one\n\n!b.example\n*.example\n/etc/passwd\n");
    const answers = await Promise.all(
      ["a.example", "b.example", "c.example", "x"].map((subject) => ask("domain", file, subject)),
    );
    assert.deepEqual(answers, ["yes a.example", "no", "yes *.example", "no"]);
    assert.equal(await ask("domain", `!${file} : *`, "a.example"), "no");
    assert.equal(await ask("domain", join(directory, "none"), "a"), "defer");
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("what a named list has said is remembered within the message, unless it has a dollar", async () => {
  let asked = 0;
  const counting: Resolver = {
    resolve: (name, type) => {
      asked++;
      return resolver.resolve(name, type);
    },
  };
  const named = new NamedLists([{ kind: "host", name: "h", text: "host.example" }]);
  const given = createEvaluation({ ...evaluation().around, lists: named, resolver: counting });
  for (let i = 0; i < 3; i++) assert.equal(await ask("host", "+h", "192.0.2.1", given), "yes");
  assert.equal(asked, 2); // A and AAAA, once.
  given.forgetLists();
  await ask("host", "+h", "192.0.2.1", given);
  assert.equal(asked, 4);
});

test("long lists of plain items are looked up, not gone through", () => {
  const list = compileList("domain", Array.from({ length: 50_000 }, (_, i) => `d${i}.example`).join(" : "));
  const given = evaluation();
  const start = performance.now();
  for (let i = 0; i < 10_000; i++) assert.ok(list.match(given, "d49999.example"));
  assert.ok(performance.now() - start < 60_000);
});
