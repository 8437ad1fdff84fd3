import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, test } from "node:test";
import { LookupDefer } from "../../src/lookup-defer.ts";
import { parseLookupType } from "../../src/parse-lookup-type.ts";
import { sqlStatements } from "../../src/sql/sql-statements.ts";
import { escapedForExim, exim, eximAnswers, ourAnswer } from "../exim-answers.ts";
import { dataOf, disposable, newScope, temporaryFiles } from "../lookup-in-file.ts";

test("statements end at semicolons outside of strings, names and comments", () => {
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ["a; b", ["a", " b"]],
    ["a;;b;", ["a", "b"]],
    ["select ';' ; x", ["select ';' ", " x"]],
    ["select 'it''s;' || \";\" || `;` || [;]; x", ["select 'it''s;' || \";\" || `;` || [;]", " x"]],
    ["a -- ; c\n; b /* ; */", ["a -- ; c\n", " b /* ; */"]],
    ["-- only ; a comment", []],
    ["select 'open; x", ["select 'open; x"]],
    ["create trigger t begin a; b; end", ["create trigger t begin a; b; end"]],
    ["", []],
  ];
  for (const [query, statements] of rows) assert.deepEqual(sqlStatements(query), statements, query);
});

/** Source of the data: `exim -be` (4.96, 4.100). */
const rows: readonly (readonly [string, string | undefined])[] = [
  ["select v from t where k='a'", "v a"],
  ["  select v from t where k='a'", "v a"],
  ["select * from t where k='a'", 'k=a v="v a" n=1 r=2.5 b=abc '],
  ["select * from t where k='c'", 'k=c v=q"x\\y n=-5 r=1.0 b=a '],
  ["select n from t", "1\n<NULL>\n-5\n9223372036854775807"],
  ["select r from t", "2.5\n10000000000.0\n1.0\n0.1"],
  ["select v from t where k='b'", ""],
  ["select v from t where k='none'", undefined],
  ["select v frm", undefined],
  ["insert into t(k) values('new'); delete from t where k='new'", undefined],
  ["select k from t where k='a'; select 5, 6", "a\n5=5 6=6 "],
  ["select 'a'; select c", undefined],
  [
    `select 1 as "a b", 2 as a, 'x"y' as c, '"z' as d, 'a\\b' e, 'a b\\' f`,
    'a b=1 a=2 c=x"y d="\\"z" e=a\\b f="a b\\\\" ',
  ],
  ["select 1e100, 1e-5, -0.0, 9e999", "1e100=1.0e+100 1e-5=1.0e-05 -0.0=0.0 9e999=Inf "],
  ["select 1,x'610062',2", "1=1 x'610062'=a 2=2 "],
  ["select 'gr\xc3\xbc', x'ff'", "'gr\xc3\xbc'=gr\xc3\xbc x'ff'=\xff "],
];

describe("sqlite", () => {
  let file: string;
  let remove: () => Promise<void>;

  before(async () => {
    const files = await temporaryFiles({});
    ({ remove } = files);
    file = `${files.directory}/db`;
    const database = new DatabaseSync(file);
    database.exec(`create table t(k text, v text, n int, r real, b blob);
      insert into t values('a','v a',1,2.5,x'616263');
      insert into t values('b','',NULL,1e10,NULL);
      insert into t values('c','q"x\\y',-5,1.0,x'6100ff');
      insert into t values('u','gr\u00fc\u00dfe',9223372036854775807,0.1,'t')`);
    database.close();
  });
  after(() => remove());

  for (const [query, data] of rows) {
    test(`${query} gives ${JSON.stringify(data)}`, async () => {
      assert.equal(await dataOf(`sqlite,file=${file}`, query, {}), data);
    });
  }

  test("real Exim gives the same", {
    skip: exim === undefined && "no Exim on this machine: nothing was compared",
  }, async () => {
    const queries = rows.map(([query]) => query).filter((query) => !query.includes("0.3"));
    const theirs = await eximAnswers(queries.map((query) => ` sqlite,file=${file}{${escapedForExim(query)}}`));
    for (const [i, query] of queries.entries()) {
      await using table = disposable({});
      const outcome = await table.find({ spec: parseLookupType(`sqlite,file=${file}`), key: query }, newScope());
      assert.equal(ourAnswer(outcome), theirs[i], query);
    }
  });

  test("the file is named by the option, the query or the setting", async () => {
    assert.equal(await dataOf("sqlite", `${file}  select 1`, {}), "1");
    assert.equal(await dataOf("sqlite", "select 2", { settings: { sqliteFile: file } }), "2");
    const missing = 'Failed: absolute file name expected for "sqlite" lookup';
    assert.equal(await dataOf("sqlite", "select 1", {}), missing);
    assert.equal(await dataOf("sqlite,file=db", "select 1", {}), missing);
    assert.equal(await dataOf("sqlite,file=/none/db", "select 1", {}), "Failed: unable to open database file");
  });

  test("a query made of untrusted data does not name the file", async () => {
    await using table = disposable({});
    const request = { spec: parseLookupType("sqlite"), key: `${file} select 1`, isTainted: true };
    await assert.rejects(async () => table.find(request, newScope()), /tainted filename for sqlite lookup/);
  });

  test("what was quoted is the string it was", async () => {
    const text = `it's "quoted" \\ \u00e9`;
    const { quote } = parseLookupType("sqlite").type;
    const octets = Buffer.from(text, "utf8").toString("latin1");
    assert.equal(await dataOf(`sqlite,file=${file}`, `select '${quote?.(octets, undefined)}'`, {}), octets);
  });

  test("a statement that writes makes the scope forget", async () => {
    await using table = disposable({ sqliteFile: file });
    const scope = newScope();
    const find = async (key: string) => table.find({ spec: parseLookupType("sqlite"), key }, scope);
    await find("create table w(x)");
    assert.deepEqual(await find("select count(*) from w"), { found: true, data: "0" });
    assert.deepEqual(await find("insert into w values(1)"), { found: false });
    assert.deepEqual(await find("select count(*) from w"), { found: true, data: "1" });
  });

  test("a locked database defers, and the process goes on meanwhile", async () => {
    const holder = new DatabaseSync(file);
    holder.exec("create table if not exists w(x); begin exclusive");
    await using table = disposable({ sqliteFile: file, sqliteLockTimeoutMs: 1_000 });
    const find = async () => table.find({ spec: parseLookupType("sqlite"), key: "select 1 from t" }, newScope());
    let turns = 0;
    const clock = setInterval(() => turns++, 5);
    await assert.rejects(find, (err) => err instanceof LookupDefer && /database is locked/.test(err.reason));
    clearInterval(clock);
    assert.ok(turns > 3, `${turns} turns`);
    holder.exec("rollback");
    holder.close();
    assert.deepEqual(await find(), { found: true, data: "1\n1\n1\n1" });
  });

  test("a query without end is ended, and the next one answered", async () => {
    await using table = disposable({ sqliteFile: file, sqliteLockTimeoutMs: 0, serverTimeoutMs: 300 });
    const find = async (key: string) => table.find({ spec: parseLookupType("sqlite"), key }, newScope());
    const endless = "with recursive c(x) as (select 1 union all select x+1 from c) select count(*) from c";
    await assert.rejects(find(endless), /no answer in 300 ms/);
    // With more time: a process has to start.
    await using again = disposable({ sqliteFile: file });
    assert.deepEqual(await again.find({ spec: parseLookupType("sqlite"), key: "select 1" }, newScope()), {
      found: true,
      data: "1",
    });
  });

  test("another file in the place of the old one is seen", async () => {
    const files = await temporaryFiles({});
    const [name, next] = [`${files.directory}/db`, `${files.directory}/next`];
    const make = (path: string, value: number): void => {
      const database = new DatabaseSync(path);
      database.exec(`create table v(x); insert into v values(${value})`);
      database.close();
    };
    make(name, 1);
    make(next, 2);
    await using table = disposable({ sqliteFile: name });
    const find = async () => table.find({ spec: parseLookupType("sqlite"), key: "select x from v" }, newScope());
    assert.deepEqual(await find(), { found: true, data: "1" });
    const { rename } = await import("node:fs/promises");
    await rename(next, name);
    assert.deepEqual(await find(), { found: true, data: "2" });
    await files.remove();
  });
});
